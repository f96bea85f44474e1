import type { DrainerOptions, WebSockOptions } from '../../src/core.js';
import { OPTION_NAMES } from '../../src/websock/options.js';

/** Server options as the reference's control interface takes them. */
export interface StartOptions {
  websocket_options?: Record<string, unknown>;
  thousand_island_options?: { shutdown_timeout?: number };
  [other: string]: unknown;
}

/** The server's options in our terms. What we have no counterpart for is ignored, as the reference ignores what it does not know. */
export function serverOptions({
  websocket_options = {},
  thousand_island_options = {},
  ...rest
}: StartOptions): {
  defaults: WebSockOptions;
  drainer: DrainerOptions;
} {
  const { shutdown_timeout } = thousand_island_options;
  const defaults = { ...connectionOptions(rest), ...connectionOptions(websocket_options) };
  return {
    // The reference compresses messages of any length.
    defaults: { ...defaults, deflateOptions: { threshold: 0, ...defaults.deflateOptions } },
    drainer: shutdown_timeout === undefined ? {} : { shutdown: shutdown_timeout },
  };
}

/** The upgrade's options in our terms. */
export function connectionOptions(given: Record<string, unknown>): WebSockOptions {
  const options: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(given)) {
    const ours = RENAMED[name] ?? camelCase(name);
    // JSON knows no Infinity.
    if ((OPTION_NAMES as string[]).includes(ours)) options[ours] = value === 'infinity' ? Infinity : value;
  }
  if (options.deflateOptions !== undefined)
    options.deflateOptions = { zlibDeflateOptions: options.deflateOptions };
  return options;
}

/** Bandit's names where ours are not the same in camel case. */
const RENAMED: Readonly<Record<string, string>> = { validate_text_frames: 'validateUtf8' };

function camelCase(name: string): string {
  return name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}
