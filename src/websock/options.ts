import { inspect } from 'node:util';
import { createDeflateRaw, type ZlibOptions } from 'node:zlib';
import { isCloseCode } from './close.js';
import type { Codec } from './codec.js';
import { ConfigError } from './errors.js';
import type { UpgradeRequest } from './request.js';

/** Chooses among the subprotocols that the client offers, in its order; `undefined` chooses none. */
export type ChooseProtocol = (offered: readonly string[], request: UpgradeRequest) => string | undefined;

/** May pages of this origin connect? */
export type AllowOrigin = (origin: string, request: UpgradeRequest) => boolean;

/** Settings of permessage-deflate (RFC 7692). */
export interface DeflateOptions {
  /**
   * The server forgets its compression window after each message (RFC 7692 §7.1.1.1). Default true: it alone lets one
   * compressed frame serve many connections, and an idle connection keeps no window.
   */
  serverNoContextTakeover?: boolean;
  /** The client is told to forget its window after each message (RFC 7692 §7.1.1.2). Default false. */
  clientNoContextTakeover?: boolean;
  /** The server's window, 9 … 15 bits (RFC 7692 §7.1.2.1). Default: the client's wish, else 15. */
  serverMaxWindowBits?: number;
  /** The client's window, 9 … 15 bits (RFC 7692 §7.1.2.2). Default: the client's wish, else 15. */
  clientMaxWindowBits?: number;
  /** Messages shorter than this many bytes are sent uncompressed where the context allows. Default 1 024. */
  threshold?: number;
  /** Settings of the compressor, as `node:zlib` takes them. */
  zlibDeflateOptions?: ZlibOptions;
}

/**
 * Options of a handler. Given to the module they are defaults, the handler's own come before these, and those of
 * `upgrade()` first. Times are milliseconds, sizes bytes; `Infinity` means no limit. A wrong value is a boot error.
 */
export interface WebSockOptions {
  /**
   * Idle limit, ms: without a byte from the client for so long the connection closes with 1001. Any byte restarts it, pushes
   * do not; it stands still while a callback runs, output waits or reading is paused. Default 60 000; Infinity = no limit.
   */
  timeout?: number;
  /** Ping a client that has been silent for so many ms; must be below `timeout`. Default `timeout / 2`; `false` = no pings. */
  heartbeat?: number | false;
  /** The largest message, bytes, reassembled and inflated; a larger one closes with 1009. Default 10 000 000; Infinity = no limit. */
  maxMessageSize?: number;
  /**
   * The largest payload of one frame, bytes. Default `maxMessageSize`; Infinity = no limit. The ws server cannot tell frame
   * and message apart and applies the smaller of the two to both.
   */
  maxFrameSize?: number;
  /** Check text messages and close reasons for valid UTF-8; a fault closes with 1007. Default true. */
  validateUtf8?: boolean;
  /** Negotiate permessage-deflate (RFC 7692). Default false. */
  compress?: boolean;
  /** Settings of the compression. */
  deflateOptions?: DeflateOptions;
  /** Subprotocols served (RFC 6455 §1.9): a list, of which the client's first match is chosen, or a function. Default none. */
  protocols?: readonly string[] | ChooseProtocol;
  /** Refuse a client with 400 that offers none of `protocols`. Default false: it gets a connection without a subprotocol. */
  requireProtocol?: boolean;
  /**
   * Which pages may connect, against cross-site WebSocket hijacking: `'same-host'` compares the host names (not the ports)
   * of Origin and Host; a list of origins such as `https://example.com`; a function; `false` = any. Refused with 403.
   * Requests without an Origin header come from no page and pass. Default `'same-host'` when the request carries cookies, else off.
   */
  checkOrigin?: 'same-host' | readonly string[] | AllowOrigin | false;
  /**
   * Client messages waiting for the handler: at so many, or at 1 MiB of them, reading pauses. Default 1 000;
   * Infinity = no limit, neither of messages nor of bytes.
   */
  maxInbound?: number;
  /**
   * Info messages waiting: one more closes with 1013 while a callback runs or the client does not drain. Of a hosted socket also what it
   * sends to a client that does not drain. Default 1 000; Infinity = no limit.
   */
  maxMailbox?: number;
  /**
   * Bytes waiting for the client to take them: past it callbacks wait and reading pauses. Of a hosted socket 16 times as much may wait
   * besides, then 1013. Default 1 048 576; Infinity = no limit.
   */
  maxBufferedAmount?: number;
  /** A client that takes not one byte of what waits for so many ms is cut off. Default 30 000; Infinity = no limit. */
  sendTimeout?: number;
  /** How long `terminate` may take, ms, and a callback that runs while the connection must end. Default 5 000; Infinity = no limit. */
  terminateTimeout?: number;
  /**
   * How long the closing handshake may take, ms, and, in all, the messages received before an ending that the handler did not
   * decide. Default 30 000; Infinity = no limit.
   */
  closeTimeout?: number;
  /** How long guards and `@OnUpgrade` together may take, ms, then 503; and `init`, then 1011. Default 10 000; Infinity = no limit. */
  upgradeTimeout?: number;
  /**
   * A callback that has not settled for so many ms is reported: a telemetry event and one `warn`. It goes on. Default 5 000;
   * Infinity = never.
   */
  slowCallback?: number;
  /** Decodes messages for schemas and `@MessageBody()`, encodes what is pushed as `json(value)`. Default JSON text. */
  codec?: Codec;
  /**
   * Read whole, uncompressed messages without ws, and compress what goes to many connections once; everything else goes to ws.
   * `false` leaves all reading and compressing to ws, which is slower and otherwise the same. Default true.
   */
  fastPath?: boolean;
  /** Check the opening handshake before `@OnUpgrade` runs; `false` leaves that to the server. Default true. */
  earlyValidateUpgrade?: boolean;
}

/** How connections are told that the server shuts down. */
export interface DrainerOptions {
  /** Connections told at once, oldest first. Default 1 000; Infinity = all. */
  batchSize?: number;
  /** Pause between two batches, ms. Default 500. */
  batchInterval?: number;
  /** How long the whole shutdown may take, ms; what is left then is cut off. Default 20 000; Infinity = no limit. */
  shutdown?: number;
  /** The close code. Default 1012, service restart: clients come back. */
  code?: number;
}

export type ResolvedDrainer = Readonly<Required<DrainerOptions>>;

/** How many connections a server takes. */
export interface CapacityOptions {
  /** Connections in all; one more is refused with 503 and `Retry-After`. Default Infinity. */
  maxConnections?: number;
  /**
   * Connections from one client address, a trusted proxy's word included; one more is refused with 429 and `Retry-After`.
   * Default Infinity.
   */
  maxConnectionsPerAddress?: number;
}

export type ResolvedCapacity = Readonly<Required<CapacityOptions>>;

/** All options with their values; what a connection is given. */
export type ResolvedOptions = Readonly<
  Required<Omit<WebSockOptions, 'protocols' | 'checkOrigin' | 'codec'>>
> &
  Readonly<Pick<WebSockOptions, 'protocols' | 'checkOrigin' | 'codec'>>;

/** The waiting client messages' second mark, beside `maxInbound`. */
export const MAX_INBOUND_BYTES = 1_048_576;

const DEFAULTS = {
  timeout: 60_000,
  maxMessageSize: 10_000_000,
  validateUtf8: true,
  compress: false,
  requireProtocol: false,
  deflateOptions: {},
  maxInbound: 1_000,
  maxMailbox: 1_000,
  maxBufferedAmount: 1_048_576,
  sendTimeout: 30_000,
  terminateTimeout: 5_000,
  closeTimeout: 30_000,
  upgradeTimeout: 10_000,
  slowCallback: 5_000,
  fastPath: true,
  earlyValidateUpgrade: true,
} as const;

/** Larger delays overflow Node's timers, larger sizes an int32. */
export const MAX_INT32 = 2_147_483_647;

type Check = (value: unknown) => boolean;

/** What a value must be, in words, and the test. */
export type Rule = readonly [allowed: string, check: Check];

const isPositiveInteger: Check = (value) =>
  Number.isInteger(value) && (value as number) >= 1 && (value as number) <= MAX_INT32;
const isLimit: Check = (value) => value === Infinity || isPositiveInteger(value);
const isBoolean: Check = (value) => typeof value === 'boolean';
const isFunction: Check = (value) => typeof value === 'function';
const isStringList: Check = (value) =>
  Array.isArray(value) && value.every((item) => typeof item === 'string');
const isPlainObject: Check = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);
const isCodec: Check = (value) =>
  isPlainObject(value) && isFunction((value as Codec).decode) && isFunction((value as Codec).encode);
const isWindowBits: Check = (value) =>
  Number.isInteger(value) && (value as number) >= 9 && (value as number) <= 15;

/** A subprotocol's name is an HTTP token (RFC 6455 §4.1). */
export const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const isProtocols: Check = (value) =>
  isFunction(value) || (isStringList(value) && (value as string[]).every((name) => TOKEN.test(name)));

const MILLISECONDS: Rule = [
  'a whole number of milliseconds from 1 to 2147483647, or Infinity for no limit',
  isLimit,
];
const BYTES: Rule = ['a whole number of bytes from 1 to 2147483647, or Infinity for no limit', isLimit];
const MESSAGES: Rule = ['a whole number of messages from 1 to 2147483647, or Infinity for no limit', isLimit];
const BOOLEAN: Rule = ['true or false', isBoolean];
const WINDOW_BITS: Rule = ['a whole number of bits from 9 to 15', isWindowBits];

const RULES: Readonly<Record<keyof WebSockOptions, Rule>> = {
  timeout: MILLISECONDS,
  heartbeat: [
    `${MILLISECONDS[0]}; below timeout; or false for no pings`,
    (value) => value === false || isLimit(value),
  ],
  maxMessageSize: BYTES,
  maxFrameSize: BYTES,
  validateUtf8: BOOLEAN,
  compress: BOOLEAN,
  deflateOptions: ['an object of permessage-deflate settings', isPlainObject],
  protocols: ['a list of subprotocol names (HTTP tokens), or a function that chooses one', isProtocols],
  requireProtocol: BOOLEAN,
  checkOrigin: [
    "'same-host', a list of origins such as 'https://example.com', a function, or false",
    (value) => value === 'same-host' || value === false || isFunction(value) || isOriginList(value),
  ],
  maxInbound: MESSAGES,
  maxMailbox: MESSAGES,
  maxBufferedAmount: BYTES,
  sendTimeout: MILLISECONDS,
  terminateTimeout: MILLISECONDS,
  closeTimeout: MILLISECONDS,
  upgradeTimeout: MILLISECONDS,
  slowCallback: MILLISECONDS,
  codec: ['an object with the functions decode and encode', isCodec],
  fastPath: BOOLEAN,
  earlyValidateUpgrade: BOOLEAN,
};

const DEFLATE_RULES: Readonly<Record<keyof DeflateOptions, Rule>> = {
  serverNoContextTakeover: BOOLEAN,
  clientNoContextTakeover: BOOLEAN,
  serverMaxWindowBits: WINDOW_BITS,
  clientMaxWindowBits: WINDOW_BITS,
  threshold: [
    'a whole number of bytes, 0 or more',
    (value) => Number.isInteger(value) && (value as number) >= 0,
  ],
  zlibDeflateOptions: ['an object, as node:zlib takes it', isPlainObject],
};

const DRAINER_RULES: Readonly<Record<keyof DrainerOptions, Rule>> = {
  batchSize: ['a whole number of connections from 1 to 2147483647, or Infinity for all at once', isLimit],
  batchInterval: ['a whole number of milliseconds from 1 to 2147483647', isPositiveInteger],
  shutdown: MILLISECONDS,
  code: ['a close code: 1000-1003, 1007-1014 or 3000-4999', isCloseCode],
};

const DRAINER_DEFAULTS: ResolvedDrainer = {
  batchSize: 1_000,
  batchInterval: 500,
  shutdown: 20_000,
  code: 1012,
};

const CONNECTIONS: Rule = [
  'a whole number of connections from 1 to 2147483647, or Infinity for no limit',
  isLimit,
];

const CAPACITY_RULES: Readonly<Record<keyof CapacityOptions, Rule>> = {
  maxConnections: CONNECTIONS,
  maxConnectionsPerAddress: CONNECTIONS,
};

const PASSTHROUGH_RULES: Readonly<Record<string, Rule>> = {
  passthrough: [
    "a list of paths that begin with '/', such as ['/graphql']",
    (value) => isStringList(value) && (value as string[]).every((path) => path.startsWith('/')),
  ],
};

/** The names of all options, for the pages that must list them. */
export const OPTION_NAMES = Object.keys(RULES) as (keyof WebSockOptions)[];

/**
 * Checks options and throws for the first fault. `where` says whose they are: `@WebSockHandler RoomHandler`.
 *
 * @throws ConfigError `WEBSOCK_OPTION_UNKNOWN`, `WEBSOCK_OPTION_INVALID`, naming the option, its unit and what is allowed
 */
export function checkOptions(options: WebSockOptions, where: string): void {
  checkRules(options, RULES, where, '');
  if (options.deflateOptions === undefined) return;
  checkRules(options.deflateOptions, DEFLATE_RULES, where, 'deflateOptions.');
  checkZlibOptions(options.deflateOptions.zlibDeflateOptions, where);
}

/**
 * Lays option layers over the defaults, the first layer lowest, and fills in what depends on other options.
 *
 * @throws ConfigError `WEBSOCK_OPTION_INVALID` when the heartbeat is not below the timeout
 */
export function resolveOptions(
  where: string,
  ...layers: readonly (WebSockOptions | undefined)[]
): ResolvedOptions {
  const merged: WebSockOptions = { ...DEFAULTS };
  for (const layer of layers) Object.assign(merged, definedOnly(layer));
  const options = merged as WebSockOptions & typeof DEFAULTS;
  const heartbeat = options.heartbeat ?? defaultHeartbeat(options.timeout);
  if (heartbeat !== false && heartbeat >= options.timeout && options.timeout !== Infinity) {
    throw new ConfigError(
      'WEBSOCK_OPTION_INVALID',
      `${where}: heartbeat (${heartbeat} ms) must be below timeout (${options.timeout} ms), or false for no pings`,
    );
  }
  return {
    ...options,
    heartbeat,
    maxFrameSize: options.maxFrameSize ?? options.maxMessageSize,
  } as ResolvedOptions;
}

/**
 * Checks the drainer's options and fills in the defaults.
 *
 * @throws ConfigError `WEBSOCK_OPTION_UNKNOWN`, `WEBSOCK_OPTION_INVALID`
 */
export function resolveDrainer(options: DrainerOptions = {}, where = 'WebSockModule'): ResolvedDrainer {
  checkRules(options, DRAINER_RULES, where, 'drainer.');
  return { ...DRAINER_DEFAULTS, ...definedOnly(options) };
}

/**
 * Checks the limits of a server and fills in the defaults.
 *
 * @throws ConfigError `WEBSOCK_OPTION_INVALID`
 */
export function resolveCapacity(options: CapacityOptions, where = 'WebSockModule'): ResolvedCapacity {
  checkRules(options, CAPACITY_RULES, where, '');
  return { maxConnections: Infinity, maxConnectionsPerAddress: Infinity, ...definedOnly(options) };
}

/**
 * Checks the paths that are left to others.
 *
 * @throws ConfigError `WEBSOCK_OPTION_INVALID`
 */
export function resolvePassthrough(
  passthrough: readonly string[] = [],
  where = 'WebSockModule',
): readonly string[] {
  checkRules({ passthrough }, PASSTHROUGH_RULES, where, '');
  return passthrough;
}

function defaultHeartbeat(timeout: number): number | false {
  return timeout === Infinity || timeout < 2 ? false : Math.floor(timeout / 2);
}

/**
 * Checks options by a table of their own. `where` says whose they are, `prefix` where they lie: `drainer.`.
 *
 * @throws ConfigError `WEBSOCK_OPTION_UNKNOWN`, `WEBSOCK_OPTION_INVALID`
 */
export function checkRules(
  options: object,
  rules: Readonly<Record<string, Rule>>,
  where: string,
  prefix: string,
): void {
  if (!isPlainObject(options)) {
    const what = prefix === '' ? 'the options' : prefix.slice(0, -1);
    throw new ConfigError(
      'WEBSOCK_OPTION_INVALID',
      `${where}: ${what} must be an object, not ${show(options)}`,
    );
  }
  for (const [name, value] of Object.entries(options)) {
    const rule = Object.hasOwn(rules, name) ? rules[name] : undefined;
    if (rule === undefined) {
      throw new ConfigError(
        'WEBSOCK_OPTION_UNKNOWN',
        `${where}: unknown option ${prefix}${name}; known are ${Object.keys(rules).join(', ')}`,
      );
    }
    if (value !== undefined && !rule[1](value)) {
      throw new ConfigError(
        'WEBSOCK_OPTION_INVALID',
        `${where}: ${prefix}${name} must be ${rule[0]}, not ${show(value)}`,
      );
    }
  }
}

/** zlib knows best what it takes; it must not be asked first when a client waits. */
function checkZlibOptions(options: ZlibOptions | undefined, where: string): void {
  try {
    createDeflateRaw(options).close();
  } catch (error) {
    const { message } = error as Error;
    throw new ConfigError(
      'WEBSOCK_OPTION_INVALID',
      `${where}: deflateOptions.zlibDeflateOptions: ${message}`,
      {
        cause: error,
      },
    );
  }
}

function definedOnly(layer: object | undefined): object {
  return Object.fromEntries(Object.entries(layer ?? {}).filter(([, value]) => value !== undefined));
}

function isOriginList(value: unknown): boolean {
  return (
    isStringList(value) &&
    (value as string[]).every((origin) => URL.canParse(origin) && new URL(origin).origin === origin)
  );
}

function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  return inspect(value, { depth: 1, breakLength: Infinity, maxArrayLength: 5, maxStringLength: 100 });
}
