import { inspect } from 'node:util';
import { ConfigError } from '../websock/errors.js';

/** A kind of enhancers of the handler's class and of the app, which run on the upgrade alone unless told otherwise. */
export type MessageEnhancer = 'guards' | 'interceptors';

const KINDS: readonly unknown[] = ['guards', 'interceptors'] satisfies MessageEnhancer[];

/** An option of Nest's handlers, beside those of any connection. */
export interface MessageEnhancerOptions {
  /**
   * Which enhancers of the class and of the app run on the callbacks too, not only on the upgrade. They must not be made for HTTP
   * alone: there is no response. Default none.
   */
  messageEnhancers?: readonly MessageEnhancer[];
}

/**
 * Checks the option `messageEnhancers`. `where` says whose it is.
 *
 * @throws ConfigError `WEBSOCK_OPTION_INVALID`
 */
export function checkMessageEnhancers({ messageEnhancers }: MessageEnhancerOptions, where: string): void {
  if (messageEnhancers === undefined) return;
  if (Array.isArray(messageEnhancers) && messageEnhancers.every((kind) => KINDS.includes(kind))) return;
  throw new ConfigError(
    'WEBSOCK_OPTION_INVALID',
    `${where}: messageEnhancers must be a list of 'guards' and 'interceptors', not ${inspect(messageEnhancers)}`,
  );
}
