import type { Attributes } from '@opentelemetry/api';
import type { ConnectionStart, ConnectionStop } from '../telemetry/events.js';
import type { TrafficByOpcode } from '../telemetry/traffic.js';
import type { Opcode } from '../websock/message.js';

export const OPCODES: readonly Opcode[] = ['text', 'binary', 'ping', 'pong'];

/** What is known of a connection when it opens. */
export function startAttributes({ ref, handler, path, protocol }: ConnectionStart): Attributes {
  return {
    'network.protocol.name': 'websocket',
    'url.path': path,
    'websocket.handler': handler,
    'websocket.ref': ref,
    ...(protocol === '' ? {} : { 'websocket.subprotocol': protocol }),
  };
}

/** What is known of it when it has ended. */
export function stopAttributes(event: ConnectionStop): Attributes {
  const { facts, droppedMessages, droppedInfo, traffic, reason } = event;
  return {
    'websocket.end': typeof reason === 'string' ? reason : 'error',
    ...(reason[0] === 'error' ? { 'error.type': errorType(event.error) } : {}),
    'websocket.close.code': facts.code,
    ...(facts.reason === '' ? {} : { 'websocket.close.reason': facts.reason }),
    'websocket.close.initiator': facts.initiator,
    ...trafficAttributes('websocket.received', traffic.received),
    ...trafficAttributes('websocket.sent', traffic.sent),
    ...(droppedMessages === 0 ? {} : { 'websocket.dropped.messages': droppedMessages }),
    ...(droppedInfo === 0 ? {} : { 'websocket.dropped.info': droppedInfo }),
  };
}

/** A name of low cardinality for what was thrown. */
export function errorType(error: unknown): string {
  if (error instanceof Error) return error.name;
  return error === 'closed' || error === 'send_timeout' || error === 'overload' ? error : '_OTHER';
}

function trafficAttributes(prefix: string, traffic: TrafficByOpcode): Attributes {
  const attributes: Attributes = {};
  for (const opcode of OPCODES) {
    const { messages, bytes } = traffic[opcode];
    if (messages === 0) continue;
    attributes[`${prefix}.${opcode}.messages`] = messages;
    attributes[`${prefix}.${opcode}.bytes`] = bytes;
  }
  return attributes;
}
