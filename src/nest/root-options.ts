import type { ModulesContainer } from '@nestjs/core';
import { resolveServerOptions, type WebSockServerOptions } from '../server/server-options.js';
import { ConfigError } from '../websock/errors.js';

/** The token of what `forRoot` and `forRootAsync` are given. */
export const OPTIONS = 'websock:options';

/**
 * Checks the options of the root module.
 *
 * @throws ConfigError `WEBSOCK_SECOND_FOR_ROOT`, `WEBSOCK_OPTION_UNKNOWN`, `WEBSOCK_OPTION_INVALID`
 */
export function checkRootOptions(options: WebSockServerOptions, modules: ModulesContainer): void {
  const roots = [...modules.values()].filter(({ providers }) => providers.has(OPTIONS));
  if (roots.length > 1) {
    throw new ConfigError(
      'WEBSOCK_SECOND_FOR_ROOT',
      'WebSockModule.forRoot() or forRootAsync() is imported twice: keep the one in the root module, and import ' +
        'WebSockModule bare elsewhere',
    );
  }
  resolveServerOptions(options, 'WebSockModule.forRoot()');
}
