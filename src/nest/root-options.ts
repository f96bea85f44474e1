import type { ModulesContainer } from '@nestjs/core';
import {
  resolveServerOptions,
  type ResolvedServerOptions,
  type WebSockServerOptions,
} from '../server/server-options.js';
import type { WireServer } from '../server/server.js';
import { ConfigError } from '../websock/errors.js';
import {
  checkMessageEnhancers,
  type MessageEnhancer,
  type MessageEnhancerOptions,
} from './message-enhancers.js';

/** The token of what `forRoot` and `forRootAsync` are given. */
export const OPTIONS = 'websock:options';

/** Options of the module: those of a server, with the defaults of all handlers. */
export interface WebSockModuleOptions extends WebSockServerOptions, MessageEnhancerOptions {
  /**
   * Further servers, each on a port of its own: `[uws({ app: () => App(), port: 9001 })]`. They serve the same handlers, behind the
   * same guards, and begin to listen when the app has booted. Default none.
   */
  servers?: readonly WireServer[];
}

/** What the module makes of them. */
export interface ResolvedRootOptions extends ResolvedServerOptions {
  /** For the server itself. */
  readonly serverOptions: WebSockServerOptions;
  readonly messageEnhancers: readonly MessageEnhancer[];
  readonly servers: readonly WireServer[];
}

const WHERE = 'WebSockModule.forRoot()';

/**
 * Checks the options of the root module, each part by its own table.
 *
 * @throws ConfigError `WEBSOCK_OPTION_UNKNOWN`, `WEBSOCK_OPTION_INVALID`
 */
export function resolveRootOptions(options: WebSockModuleOptions = {}): ResolvedRootOptions {
  const { messageEnhancers = [], servers = [], ...serverOptions } = options;
  checkMessageEnhancers({ messageEnhancers }, WHERE);
  checkServers(servers);
  return { ...resolveServerOptions(serverOptions, WHERE), serverOptions, messageEnhancers, servers };
}

function checkServers(servers: unknown): void {
  if (Array.isArray(servers) && servers.every(isServer)) return;
  throw new ConfigError(
    'WEBSOCK_OPTION_INVALID',
    `${WHERE}: servers must be a list of servers, such as [uws({ app: () => App(), port: 9001 })]`,
  );
}

function isServer(server: Partial<WireServer> | undefined): boolean {
  return typeof server?.start === 'function' && typeof server.accept === 'function';
}

/**
 * Checks that there is one root module.
 *
 * @throws ConfigError `WEBSOCK_SECOND_FOR_ROOT`
 */
export function checkOneRoot(modules: ModulesContainer): void {
  const roots = [...modules.values()].filter(({ providers }) => providers.has(OPTIONS));
  if (roots.length > 1) {
    throw new ConfigError(
      'WEBSOCK_SECOND_FOR_ROOT',
      'WebSockModule.forRoot() or forRootAsync() is imported twice: keep the one in the root module, and import ' +
        'WebSockModule bare elsewhere',
    );
  }
}
