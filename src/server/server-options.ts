import { resolveCluster, type ClusterOptions, type ResolvedCluster } from '../cluster/cluster-options.js';
import {
  checkOptions,
  resolveCapacity,
  resolveDrainer,
  resolvePassthrough,
  type CapacityOptions,
  type DrainerOptions,
  type ResolvedCapacity,
  type ResolvedDrainer,
  type WebSockOptions,
} from '../websock/options.js';

/** Options of a server: how many connections it takes, how it shuts down, what it leaves to others, and the defaults of its handlers. */
export interface WebSockServerOptions extends WebSockOptions, CapacityOptions {
  /** How connections are told when the server shuts down. */
  drainer?: DrainerOptions;
  /**
   * Paths, with all below them, whose upgrades are for the other `upgrade` listeners of the HTTP server: `['/graphql']`. Whole
   * paths, as clients send them. Without other listeners it has no effect. Default none.
   */
  passthrough?: readonly string[];
  /** How this app speaks to others like it. Default none: topics and references are of this app alone. */
  cluster?: ClusterOptions;
}

export interface ResolvedServerOptions {
  readonly capacity: ResolvedCapacity;
  readonly drainer: ResolvedDrainer;
  readonly passthrough: readonly string[];
  readonly cluster: ResolvedCluster | undefined;
  /** For the options of handlers. */
  readonly defaults: WebSockOptions;
}

/**
 * Checks the options of a server, each part by its own table. `where` says whose they are.
 *
 * @throws ConfigError `WEBSOCK_OPTION_UNKNOWN`, `WEBSOCK_OPTION_INVALID`
 */
export function resolveServerOptions(options: WebSockServerOptions, where: string): ResolvedServerOptions {
  const { drainer, passthrough, cluster, maxConnections, maxConnectionsPerAddress, ...defaults } = options;
  checkOptions(defaults, where);
  const capacity = resolveCapacity({ maxConnections, maxConnectionsPerAddress }, where);
  return {
    capacity,
    drainer: resolveDrainer(drainer, where),
    passthrough: resolvePassthrough(passthrough, where),
    cluster: resolveCluster(cluster, where),
    defaults,
  };
}
