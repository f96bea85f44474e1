/** What uWebSockets.js takes for a string or bytes. */
export type UwsBytes = string | Uint8Array;

/** One WebSocket of uWS. All methods throw once it is closed. */
export interface UwsWebSocket {
  getUserData(): unknown;
  /** 1: sent; 0: some of it waits; 2: dropped, because more than `maxBackpressure` waits. */
  send(message: UwsBytes, isBinary: boolean, compress: boolean): number;
  ping(message: UwsBytes): number;
  getBufferedAmount(): number;
  /** Runs the function; what it sends leaves in one write. */
  cork(send: () => void): unknown;
  /** Sends a close frame, then FIN. */
  end(code: number, reason: UwsBytes): void;
  /** Closes without a close frame. */
  close(): void;
}

/** A request of uWS, valid only while the handler runs that is given it. */
export interface UwsRequest {
  /** Lower case. */
  getMethod(): string;
  getUrl(): string;
  /** Without `?`. */
  getQuery(): string | undefined;
  forEach(header: (name: string, value: string) => void): void;
}

/** A response of uWS, valid until it is ended or aborted. */
export interface UwsResponse {
  onAborted(aborted: () => void): unknown;
  cork(write: () => void): unknown;
  writeStatus(status: string): unknown;
  writeHeader(name: UwsBytes, value: UwsBytes): unknown;
  end(body: UwsBytes, closeConnection: boolean): unknown;
  upgrade(data: unknown, key: string, protocol: string, extensions: string, context: unknown): void;
  close(): unknown;
  getRemoteAddress(): ArrayBuffer;
  getRemoteAddressAsText(): ArrayBuffer;
}

/** What uWS is told about a route of WebSockets. */
export interface UwsBehavior {
  readonly maxPayloadLength: number;
  readonly maxBackpressure: number;
  readonly idleTimeout: number;
  readonly sendPingsAutomatically: boolean;
  readonly compression: number;
  upgrade(response: UwsResponse, request: UwsRequest, context: unknown): void;
  open(ws: UwsWebSocket): void;
  message(ws: UwsWebSocket, message: ArrayBuffer, isBinary: boolean): void;
  drain(ws: UwsWebSocket): void;
  ping(ws: UwsWebSocket, message: ArrayBuffer): void;
  pong(ws: UwsWebSocket, message: ArrayBuffer): void;
  close(ws: UwsWebSocket, code: number, message: ArrayBuffer): void;
}

/** An `App()` or `SSLApp()` of uWebSockets.js, as far as it is needed here. */
export interface UwsAppLike {
  /** Registers a route of WebSockets. */
  ws(pattern: string, behavior: any): unknown;
  /** Registers a route for any HTTP method. */
  any(pattern: string, handler: (response: any, request: any) => void): unknown;
  /** Listens; calls back with false if it cannot. */
  listen(host: string, port: number, listening: (socket: any) => void): unknown;
  /** Closes all sockets, those that listen included. Required all the same: the types of 20.30 do not have it, its apps do. */
  close?(): unknown;
}
