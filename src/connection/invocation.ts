import { callbackTracing } from '../telemetry/callback-tracing.js';
import type { Connection } from '../websock/connection.js';
import type { ControlMessage, DataMessage } from '../websock/message.js';
import { traceCallback } from './callback-trace.js';
import type { RunnableCallback } from './handler.js';
import type { Reporter } from './reports.js';

/**
 * Calls a callback that the connection's handler has, traced if anybody wants traces.
 *
 * @throws what it throws
 */
export function invoke(
  connection: Connection & Reporter,
  callback: RunnableCallback,
  message: unknown,
  state: unknown,
): unknown {
  return callbackTracing.hasSubscribers
    ? traceCallback(connection, callback, () => call(connection, callback, message, state))
    : call(connection, callback, message, state);
}

function call(
  connection: Connection & Reporter,
  callback: RunnableCallback,
  message: unknown,
  state: unknown,
): unknown {
  const { websock } = connection.handler;
  switch (callback) {
    case 'handleIn':
      return websock.handleIn!(message as DataMessage, state, connection);
    case 'handleInfo':
      return websock.handleInfo!(message, state, connection);
    case 'handleControl':
      return websock.handleControl!(message as ControlMessage, state, connection);
    case 'init':
      return websock.init!(message, connection);
  }
}
