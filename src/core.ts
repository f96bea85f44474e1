/**
 * The contract, and WebSocket connections on any `node:http` server, without Nest.
 *
 * @module nestjs-websock/core
 */
export * from './websock/close.js';
export { jsonCodec, type Codec, type EncodedMessage } from './websock/codec.js';
export { Connection } from './websock/connection.js';
export type { CancelMonitor, CancelTimer, ConnectionRef } from './websock/connection.js';
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
export type * from './websock/presence.js';
export * from './websock/request.js';
export * from './websock/result.js';
export type * from './websock/stream.js';
export type { DownInfo, GapInfo, SubscribeOptions } from './websock/topic.js';
export type { CallbackName, WebSock } from './websock/websock.js';
export { Cluster } from './cluster/cluster.js';
export type { ClusterOptions } from './cluster/cluster-options.js';
export type { OnEngineError } from './cluster/engine-reports.js';
export type { InfoCodec } from './cluster/info-codec.js';
export { Presence } from './cluster/presence.js';
export { Connections } from './connection/connections.js';
export type { CallOptions } from './connection/connections.js';
export type { Engine, EngineListener } from './pubsub/engine.js';
export { PubSub, type ListenOptions } from './pubsub/pubsub.js';
export type { TopicListener } from './pubsub/topic-listener.js';
export type { MessagesOptions, TopicMessages } from './pubsub/topic-messages.js';
export { hostSocket, type SocketListener } from './hosting/host-socket.js';
export { HostedRequest, type Peer } from './hosting/hosted-request.js';
export { HostedSocket } from './hosting/hosted-socket.js';
export type { ControlCallback, SendOptions, SocketBinaryType, SocketData } from './hosting/hosted-socket.js';
export type { SendCallback } from './hosting/outbox.js';
export { SocketEventTarget } from './hosting/socket-events.js';
export type { SocketEventHandler, SocketEventListener, SocketEventObject } from './hosting/socket-events.js';
export { upgrade, type UpgradableRequest, type Upgraded, type WrappedRequest } from './server/upgrade.js';
export { type WebSockServerOptions } from './server/server-options.js';
export { WebSockServer } from './server/websock-server.js';
export type { WireServer } from './server/server.js';
export type { AnyHttpServer } from './upgrade/pipeline.js';
export type { FrameworkRequest } from './upgrade/request-facts.js';
