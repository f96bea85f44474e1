import type { ModulesContainer } from '@nestjs/core';
import {
  resolveServerOptions,
  type ResolvedServerOptions,
  type WebSockServerOptions,
} from '../server/server-options.js';
import { ConfigError } from '../websock/errors.js';
import {
  checkMessageEnhancers,
  type MessageEnhancer,
  type MessageEnhancerOptions,
} from './message-enhancers.js';

/** The token of what `forRoot` and `forRootAsync` are given. */
export const OPTIONS = 'websock:options';

/** Options of the module: those of a server, with the defaults of all handlers. */
export interface WebSockModuleOptions extends WebSockServerOptions, MessageEnhancerOptions {}

/** What the module makes of them. */
export interface ResolvedRootOptions extends ResolvedServerOptions {
  /** For the server itself. */
  readonly serverOptions: WebSockServerOptions;
  readonly messageEnhancers: readonly MessageEnhancer[];
}

const WHERE = 'WebSockModule.forRoot()';

/**
 * Checks the options of the root module, each part by its own table.
 *
 * @throws ConfigError `WEBSOCK_OPTION_UNKNOWN`, `WEBSOCK_OPTION_INVALID`
 */
export function resolveRootOptions(options: WebSockModuleOptions = {}): ResolvedRootOptions {
  const { messageEnhancers = [], ...serverOptions } = options;
  checkMessageEnhancers({ messageEnhancers }, WHERE);
  return { ...resolveServerOptions(serverOptions, WHERE), serverOptions, messageEnhancers };
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
