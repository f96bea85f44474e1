/**
 * Tests of handlers, without a port or over the wire, with any test runner.
 *
 * @module nestjs-websock/testing
 */
export { openHandler, type OpenHandlerOptions } from './open-handler.js';
export { HandlerConnection, type FailedCallback } from './handler-connection.js';
export type { Container, HandlerClass } from './handler-source.js';
export type { TestRequest } from './test-request.js';
export { TestClock } from './test-clock.js';
export type { Cancel, Clock } from '../connection/clock.js';
export {
  connect,
  UpgradeRefusedError,
  type ConnectOptions,
  type ConnectTarget,
  type NestApp,
} from './connect.js';
export { ClientConnection } from './client-connection.js';
export { Expectations, type ClientClose, type ExpectOptions, type Explanation } from './expectations.js';
export type { Matcher } from './matcher.js';
export type { ExpectedMessage, ReceivedMessage } from './messages.js';
