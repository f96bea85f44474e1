/**
 * Every error code of the package, with what to do about it. `docs/errors.md` is held to this table by a test;
 * codes are public and stable.
 */
export const ERROR_CODES = {
  WEBSOCK_OPTION_UNKNOWN: 'Remove the option or correct its name; the message lists the known ones.',
  WEBSOCK_OPTION_INVALID: 'Give the option a value in the range that the message names.',
  WEBSOCK_PATH_TAKEN: 'Give one of the two handlers that the message names another path, version or host.',
  WEBSOCK_ROUTE_ON_PATH:
    'Move the GET route to another path, or drop the path from the handler and call upgrade() in the route.',
  WEBSOCK_PATH_OF_OTHERS:
    'Give the handler another path than the gateway or passthrough entry that the message names, or remove that.',
  WEBSOCK_DUPLICATE_CALLBACK: 'Keep one method per callback; the message names both.',
  WEBSOCK_PATTERN:
    'Give @OnIn() an opcode or a schema, @OnInfo() a class or a schema; one that is undefined comes of a circular import.',
  WEBSOCK_UNREACHABLE_CLAUSE:
    'Declare the method that takes fewer messages first: the message names those that never leave it any.',
  WEBSOCK_INFO_NAME: "Give one of the classes that the message names another name with @InfoMessage('…').",
  WEBSOCK_PARAMETER:
    'Decorate all parameters of the method or none, with decorators that have a meaning there; the message names the parameter.',
  WEBSOCK_ENHANCER_ON_TERMINATE:
    'Remove guards, interceptors, pipes, filters and parameter decorators from the @OnTerminate() method.',
  WEBSOCK_SOCKET_AND_CALLBACKS:
    'Keep @OnSocket() or the callbacks: what arrives and the end are events of the socket.',
  WEBSOCK_ENHANCER_ON_SOCKET:
    'Move guards, interceptors, pipes, filters and parameter decorators from the @OnSocket() method to the class or to @OnUpgrade().',
  WEBSOCK_CALLBACK_OUTSIDE_HANDLER:
    'Decorate the class with @WebSockHandler(), or remove the @On… decorator.',
  WEBSOCK_NO_CALLBACK:
    'Give the handler at least one callback: a method with an @On… decorator, one with @OnSocket(), or handleIn and its siblings.',
  WEBSOCK_NOT_A_HANDLER:
    'Decorate the class with @WebSockHandler() and list it in the providers of a module, or pass a WebSock object.',
  WEBSOCK_HANDLER_SCOPE: 'Remove @Injectable() above @WebSockHandler({ scope }), or give the scope to it.',
  WEBSOCK_SECOND_FOR_ROOT:
    'Call WebSockModule.forRoot() or forRootAsync() once, in the root module; import WebSockModule bare elsewhere.',
  WEBSOCK_HTTP2_ON_EXPRESS:
    'Express cannot serve HTTP/2: use FastifyAdapter({ http2: true }), or an HTTP/1.1 server.',
  WEBSOCK_SERVER_TAKEN:
    'Attach an HTTP server to one WebSockServer; in a Nest app inject that instead of making another.',
  WEBSOCK_PACKAGE_MISSING:
    'Install the package that the message names, in a version whose binary fits this Node.js and this machine.',
  WEBSOCK_LISTEN: 'Free the port that the message names, choose another, or correct the host.',
  WEBSOCK_UPGRADE_NOT_WEBSOCKET:
    'Connect with a WebSocket client; an ordinary request to this path is answered 426.',
  WEBSOCK_UPGRADE_BAD_METHOD: 'Send the opening handshake as a GET (RFC 6455 §4.1).',
  WEBSOCK_UPGRADE_BAD_HOST: 'Send exactly one Host header (RFC 6455 §4.2.1).',
  WEBSOCK_UPGRADE_BAD_KEY: 'Send one Sec-WebSocket-Key of 16 bytes in base64 (RFC 6455 §4.2.1).',
  WEBSOCK_UPGRADE_BAD_VERSION: 'Use version 13 of the protocol (RFC 6455 §4.2.1).',
  WEBSOCK_UPGRADE_BAD_PROTOCOLS: 'Send a well-formed Sec-WebSocket-Protocol header (RFC 6455 §4.1).',
  WEBSOCK_UPGRADE_ORIGIN:
    'Add the origin to the checkOrigin option if its pages may connect; the log names Origin and Host.',
  WEBSOCK_UPGRADE_NO_PROTOCOL: 'Offer one of the subprotocols that the handler serves; it requires one.',
  WEBSOCK_UPGRADE_FULL: 'Retry later, or raise maxConnections.',
  WEBSOCK_UPGRADE_ADDRESS_FULL:
    'Close other connections of this client, or raise maxConnectionsPerAddress; behind a proxy let the app trust it.',
  WEBSOCK_UPGRADE_TWICE: 'Call upgrade() once per request, and end the handler there.',
  WEBSOCK_UPGRADE_TOO_LATE:
    'Call upgrade() before the response is sent; with @Res() use { passthrough: true }.',
  WEBSOCK_UPGRADE_DRAINING: 'Reconnect: this server is shutting down.',
  WEBSOCK_UPGRADE_TIMEOUT: 'Make guards and @OnUpgrade faster, or raise upgradeTimeout.',
  WEBSOCK_GUARDED_HANDLER:
    'The handler has class-level guards, which upgrade() does not run: guard the caller and pass { guardedByCaller: true }.',
  WEBSOCK_RESULT: 'Return one of the tuples of HandleResult; the message names handler, method and fault.',
  WEBSOCK_NO_CLAUSE:
    'From a client: issues says what is wrong with its message. From the app: give the message an @OnInfo() method.',
  WEBSOCK_PROTOCOL: 'The client broke RFC 6455; closeCode says how.',
  WEBSOCK_INIT_TIMEOUT: 'Make init faster, or raise upgradeTimeout.',
  WEBSOCK_CALL_NO_REPLY: 'Answer the message with reply(term, messages, state) in handleInfo.',
  WEBSOCK_CALL_ENDED: 'The called connection ended before it answered; treat it as gone.',
  WEBSOCK_CALL_TIMEOUT:
    'The called connection did not answer in time: raise the timeout, or look for a slow callback.',
  WEBSOCK_CALL_UNKNOWN_REF: 'No such connection here: it has ended, or the reference is not one.',
  WEBSOCK_INFO_ENCODE:
    'Send other nodes only what the codec of the cluster can encode; the message says what it cannot, and where it lies.',
  WEBSOCK_ENGINE_CLIENT:
    "Give the engine the client that the message names, made by that package's own functions.",
  WEBSOCK_ENGINE:
    'Look after the broker, or the way to it; stage says what failed, cause why. Local delivery goes on meanwhile.',
} as const;

/** A key of {@link ERROR_CODES}. */
export type ErrorCode = keyof typeof ERROR_CODES;

/** Every error of this package. `code` is stable; {@link ERROR_CODES} says what to do. */
export class WebSockError extends Error {
  constructor(
    /** Stable, to be compared; the message is for people and may change. */
    readonly code: ErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** The app is set up wrongly; thrown at boot, and by `upgrade()` for its own options. The message names the remedy. */
export class ConfigError extends WebSockError {}

/** An optional package is not installed, does not load, or is not what it should be; thrown at boot. The message says what to install. */
export class MissingPackageError extends WebSockError {
  constructor(
    /** Its name on npm, or where it is installed from. */
    readonly packageName: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super('WEBSOCK_PACKAGE_MISSING', message, options);
  }
}

/** The upgrade was refused. `status` and `headers` are what the HTTP response carries. */
export class UpgradeError extends WebSockError {
  constructor(
    code: ErrorCode,
    message: string,
    /** The HTTP status of the refusal: 400, 403, 426, 503 and so on. */
    readonly status: number,
    /** Headers that the refusal needs, such as `Upgrade` on a 426 (RFC 9110 §15.5.22). */
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(code, message);
  }
}

/** A callback returned something that is no `HandleResult`, or that cannot be sent. Nothing of it was sent. */
export class ResultError extends WebSockError {
  constructor(
    /** The handler's name, with the method: `RoomHandler.say`. */
    readonly method: string,
    fault: string,
    options?: ErrorOptions,
  ) {
    super('WEBSOCK_RESULT', `${method}() returned a bad result: ${fault}`, options);
  }
}

/** What a schema has against a message. */
export interface Issue {
  /** Where in the message: keys and indices from the outside in; empty for the whole of it. */
  readonly path: readonly (string | number)[];
  /** In the words of the schema, which may quote the value. */
  readonly message: string;
}

/** No `@OnIn` or `@OnInfo` method takes a message: its schemas refuse it, or none has its opcode or class. */
export class NoClauseError extends WebSockError {
  constructor(
    message: string,
    /** What the schemas have against it, the one that came closest; empty where none was asked. */
    readonly issues: readonly Issue[],
    options?: ErrorOptions,
  ) {
    super('WEBSOCK_NO_CLAUSE', message, options);
  }
}

/** The client broke the protocol. `closeCode` is what the close frame says: 1002, 1007, 1008 or 1009. */
export class ProtocolError extends WebSockError {
  constructor(
    /** RFC 6455 §7.4.1. */
    readonly closeCode: number,
    message: string,
    options?: ErrorOptions,
  ) {
    super('WEBSOCK_PROTOCOL', message, options);
  }
}

/** `call`: the message was handled, but not with a `reply`; or the callee has no `handleInfo`. */
export class NoReplyError extends WebSockError {
  constructor(ref: string) {
    super('WEBSOCK_CALL_NO_REPLY', `connection ${ref} handled the call without a reply`);
  }
}

/** `call`: the callee's end was decided before it replied, the call queued or running. */
export class ConnectionEndedError extends WebSockError {
  constructor(ref: string) {
    super('WEBSOCK_CALL_ENDED', `connection ${ref} ended before it replied`);
  }
}

/** `call`: no reply within the timeout. The callee may still handle the message. */
export class CallTimeoutError extends WebSockError {
  constructor(ref: string, timeout: number) {
    super('WEBSOCK_CALL_TIMEOUT', `connection ${ref} did not reply within ${timeout} ms`);
  }
}

/** `call`: the reference names no live connection. */
export class UnknownRefError extends WebSockError {
  constructor(ref: string) {
    super('WEBSOCK_CALL_UNKNOWN_REF', `no live connection ${ref}`);
  }
}

/** What an engine was at when it failed. */
export type EngineStage = 'connect' | 'subscribe' | 'publish' | 'deliver';

/** The broker between the nodes failed, or what came from it is no good. Local delivery goes on. */
export class EngineError extends WebSockError {
  constructor(
    /** What the engine was at. */
    readonly stage: EngineStage,
    message: string,
    options?: ErrorOptions,
  ) {
    super('WEBSOCK_ENGINE', message, options);
  }
}

/** A message cannot be encoded for the other nodes; nobody has got it. */
export class InfoEncodeError extends WebSockError {
  constructor(fault: string, options?: ErrorOptions) {
    super('WEBSOCK_INFO_ENCODE', `the message cannot be sent to other nodes: ${fault}`, options);
  }
}
