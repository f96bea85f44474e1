import { Duplex } from 'node:stream';
import type { IncomingMessage } from 'node:http';
import { WebSocketServer, type ServerOptions, type WebSocket } from 'ws';
import { deflateParameters, feed, isDone, takeData } from './ws-internals.js';

/** A key is all that the handshake asks for; this is the one of RFC 6455 §1.3. */
export const HANDSHAKE = {
  method: 'GET',
  url: '/',
  headers: {
    upgrade: 'websocket',
    connection: 'Upgrade',
    'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
    'sec-websocket-version': '13',
  },
} as unknown as IncomingMessage;

const OFFERING_DEFLATE = {
  ...HANDSHAKE,
  headers: {
    ...HANDSHAKE.headers,
    'sec-websocket-extensions': 'permessage-deflate; server_max_window_bits=10',
  },
} as unknown as IncomingMessage;
const EMPTY = Buffer.alloc(0);

/** `hi` as text, in one frame, under the masking key 0. */
const HI = Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0x68, 0x69]);
const RESERVED_OPCODE = Buffer.from([0x83, 0x80, 0, 0, 0, 0]);

let fault: string | undefined | null = null;

/**
 * Why ws's internals cannot be used; undefined if they can. Everything that `ws-internals.ts` relies on is tried once,
 * on a socket that is none.
 */
export function whyClosed(): string | undefined {
  if (fault === null) fault = findFault();
  return fault;
}

function findFault(): string | undefined {
  try {
    return tryReading() ?? tryCompression();
  } catch (error) {
    return String(error);
  }
}

function open(socket: Duplex, handshake = HANDSHAKE, options: ServerOptions = {}): WebSocket | undefined {
  let ws: WebSocket | undefined;
  new WebSocketServer({ ...options, noServer: true }).handleUpgrade(handshake, socket, EMPTY, (opened) => {
    ws = opened;
  });
  ws?.on('error', () => {});
  return ws;
}

const noSocket = () => new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });

function tryReading(): string | undefined {
  const socket = noSocket();
  const received: unknown[] = [];
  const ws = open(socket);
  if (ws === undefined) return 'the handshake is not synchronous';
  ws.on('message', (data) => received.push(String(data)));
  takeData(socket);
  if (socket.listenerCount('data') !== 0) return 'its listener for data is not found';
  feed(ws, HI.subarray(0, 3));
  feed(ws, HI.subarray(3));
  feed(ws, HI);
  if (received.join() !== 'hi,hi') return 'it does not read at once what it is given';
  if (isDone(ws)) return 'it finds a fault where there is none';
  feed(ws, RESERVED_OPCODE);
  if (!isDone(ws)) return 'its fault is not seen at once';
  ws.terminate();
  return undefined;
}

function tryCompression(): string | undefined {
  const options = { perMessageDeflate: { serverNoContextTakeover: true } };
  const ws = open(noSocket(), OFFERING_DEFLATE, options);
  const parameters = ws && deflateParameters(ws);
  ws?.terminate();
  if (parameters?.server_no_context_takeover !== true || parameters.server_max_window_bits !== 10)
    return 'it does not say what compression was agreed on';
  return undefined;
}
