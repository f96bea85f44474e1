/**
 * The contract, and WebSocket connections on any `node:http` server, without Nest.
 *
 * @module nestjs-websock/core
 */
export * from './websock/close.js';
export { jsonCodec, type Codec, type EncodedMessage } from './websock/codec.js';
export { Connection } from './websock/connection.js';
export type { CancelTimer, ConnectionRef } from './websock/connection.js';
export * from './websock/errors.js';
export * from './websock/message.js';
export type {
  AllowOrigin,
  CapacityOptions,
  ChooseProtocol,
  DeflateOptions,
  DrainerOptions,
  WebSockOptions,
} from './websock/options.js';
export * from './websock/request.js';
export * from './websock/result.js';
export type * from './websock/stream.js';
export type { CallbackName, WebSock } from './websock/websock.js';
export { Connections } from './connection/connections.js';
export type { CallOptions } from './connection/connections.js';
export { upgrade, type UpgradableRequest, type Upgraded, type WrappedRequest } from './server/upgrade.js';
export { type WebSockServerOptions } from './server/server-options.js';
export { WebSockServer } from './server/websock-server.js';
export type { AnyHttpServer } from './upgrade/pipeline.js';
export type { FrameworkRequest } from './upgrade/request-facts.js';
