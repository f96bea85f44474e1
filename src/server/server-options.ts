import {
  checkOptions,
  resolveCapacity,
  resolveDrainer,
  type CapacityOptions,
  type DrainerOptions,
  type ResolvedCapacity,
  type ResolvedDrainer,
  type WebSockOptions,
} from '../websock/options.js';

/** Options of a server: how many connections it takes, how it shuts down, and the defaults of its handlers. */
export interface WebSockServerOptions extends WebSockOptions, CapacityOptions {
  drainer?: DrainerOptions;
}

export interface ResolvedServerOptions {
  readonly capacity: ResolvedCapacity;
  readonly drainer: ResolvedDrainer;
  /** For the options of handlers. */
  readonly defaults: WebSockOptions;
}

/**
 * Checks the options of a server, each part by its own table. `where` says whose they are.
 *
 * @throws ConfigError `WEBSOCK_OPTION_UNKNOWN`, `WEBSOCK_OPTION_INVALID`
 */
export function resolveServerOptions(
  { drainer, maxConnections, maxConnectionsPerAddress, ...defaults }: WebSockServerOptions,
  where: string,
): ResolvedServerOptions {
  checkOptions(defaults, where);
  const capacity = resolveCapacity({ maxConnections, maxConnectionsPerAddress }, where);
  return { capacity, drainer: resolveDrainer(drainer, where), defaults };
}
