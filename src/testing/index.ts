export { openHandler, type OpenHandlerOptions } from './open-handler.js';
export { HandlerConnection, type FailedCallback } from './handler-connection.js';
export type { Container, HandlerClass } from './handler-source.js';
export type { TestRequest } from './test-request.js';
export { TestClock } from './test-clock.js';
export {
  connect,
  UpgradeRefusedError,
  type ConnectOptions,
  type ConnectTarget,
  type NestApp,
} from './connect.js';
export { ClientConnection } from './client-connection.js';
export { Expectations, type ClientClose, type ExpectOptions } from './expectations.js';
export type { ExpectedMessage, Matcher, ReceivedMessage } from './messages.js';
