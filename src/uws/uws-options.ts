import { ConfigError, MissingPackageError } from '../websock/errors.js';
import type { UwsAppLike } from './uws-app.js';

/** Options of `uws()`. */
export interface UwsOptions {
  /**
   * `App()` or `SSLApp({ … })` of uWebSockets.js, or a function that makes one: called at boot, so that a binary that does not load
   * is a clear error there. Routes of its own that it has are served before.
   */
  app: UwsAppLike | (() => UwsAppLike | PromiseLike<UwsAppLike>);
  /** The port to listen on, beside the HTTP server's. 0: any free one. */
  port: number;
  /** The address to listen on. Default `0.0.0.0`: all of IPv4. */
  host?: string;
  /**
   * The largest message that any handler takes, bytes: uWS has one limit for all and drops who passes it, with no close frame; a handler's
   * own smaller `maxMessageSize` is a 1009. Default the largest `maxMessageSize` of the module and its handlers; Infinity = 2 147 483 647.
   */
  maxMessageSize?: number;
  /**
   * How uWS compresses where a handler has `compress`: a constant of uWebSockets.js, such as `DEDICATED_COMPRESSOR_4KB`. Default its shared
   * compressor and decompressor, without context takeover.
   */
  compression?: number;
  /** Called with uWS's listen socket, for `us_socket_local_port` and the like. */
  listening?: (listenSocket: unknown) => void;
}

const PACKAGE = 'uNetworking/uWebSockets.js#v20.x';
const KNOWN = ['app', 'port', 'host', 'maxMessageSize', 'compression', 'listening'];
const METHODS = ['ws', 'any', 'listen', 'close'] as const;

/** @throws ConfigError `WEBSOCK_OPTION_UNKNOWN`, `WEBSOCK_OPTION_INVALID` */
export function checkUwsOptions(options: UwsOptions): void {
  const unknown = Object.keys(options).find((name) => !KNOWN.includes(name));
  if (unknown !== undefined) {
    throw new ConfigError(
      'WEBSOCK_OPTION_UNKNOWN',
      `uws(): unknown option ${unknown}; known are ${KNOWN.join(', ')}`,
    );
  }
  const { port, host, maxMessageSize, compression, listening } = options;
  check('port', 'a whole number from 0 to 65535', isInteger(port, 0, 65_535));
  check('host', 'an address to listen on', host === undefined || (typeof host === 'string' && host !== ''));
  check(
    'maxMessageSize',
    'a whole number of bytes from 1 to 2147483647, or Infinity',
    maxMessageSize === undefined || maxMessageSize === Infinity || isInteger(maxMessageSize, 1, 2 ** 31 - 1),
  );
  check(
    'compression',
    'a constant of uWebSockets.js',
    compression === undefined || isInteger(compression, 0, 65_535),
  );
  check('listening', 'a function', listening === undefined || typeof listening === 'function');
}

function check(name: string, allowed: string, isAllowed: boolean): void {
  if (isAllowed) return;
  throw new ConfigError('WEBSOCK_OPTION_INVALID', `uws(): ${name} must be ${allowed}`);
}

function isInteger(value: unknown, min: number, max: number): boolean {
  return Number.isInteger(value) && (value as number) >= min && (value as number) <= max;
}

/**
 * The app that the user gives.
 *
 * @throws MissingPackageError when uWebSockets.js does not load, or what is given is no app of it
 */
export async function appOf({ app: given }: UwsOptions): Promise<UwsAppLike> {
  const app = typeof given === 'function' ? await makeApp(given) : given;
  const missing = METHODS.filter(
    (name) => typeof (app as Partial<UwsAppLike> | undefined)?.[name] !== 'function',
  );
  if (missing.length === 0) return app;
  throw new MissingPackageError(
    'uWebSockets.js',
    `uws(): app is no App() or SSLApp() of uWebSockets.js 20.30 or later, it has no ${missing.join('(), ')}(). ${INSTALL}`,
  );
}

const INSTALL = `It is not on the npm registry: npm install ${PACKAGE}`;

async function makeApp(make: () => UwsAppLike | PromiseLike<UwsAppLike>): Promise<UwsAppLike> {
  try {
    return await make();
  } catch (error) {
    if (!isLoadError(error)) throw error;
    throw new MissingPackageError(
      'uWebSockets.js',
      `uws(): uWebSockets.js does not load on Node.js ${process.version}, ${process.platform} ${process.arch}: ` +
        `${firstLine((error as Error).message)}. ${INSTALL}`,
      { cause: error },
    );
  }
}

/** Not installed, or a binary for another Node.js or machine; not, say, a certificate that is no good. */
function isLoadError(error: unknown): boolean {
  const { code, message = '' } = (error ?? {}) as NodeJS.ErrnoException;
  return (
    /^(ERR_)?MODULE_NOT_FOUND$|^ERR_DLOPEN_FAILED$/.test(code ?? '') || /uWebSockets|µWS|uWS/.test(message)
  );
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0]!.replace(/[.:]$/, '');
}
