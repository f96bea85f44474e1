import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import {
  binary,
  push,
  upgrade,
  WebSockServer,
  type CloseReason,
  type WebSock,
  type WebSockOptions,
} from '../../src/core.js';
import { encodeFrame, OPCODE } from '../support/frames.js';
import { Log } from '../support/log.js';
import { SlowReader } from '../support/slow-reader.js';
import { expectOnTime } from '../support/timing.js';

const MiB = 1_048_576;
const TOTAL = 16 * MiB;

const file = (name: string) => readFileSync(path.join(import.meta.dirname, '../support', name));
const identity = { key: file('localhost.key.pem'), cert: file('localhost.cert.pem') };

const reasons = new Log<CloseReason>();
const generous: WebSock = {
  handleIn: (_message, state) => push(binary(Buffer.alloc(TOTAL)), state),
  terminate: (reason) => reasons.add(reason),
};

let server: Server;
let websockets: WebSockServer;
afterEach(async () => {
  server.close();
  await websockets.close();
});

/** A client on an HTTPS server, connected, and what it sends behind its handshake. */
async function open(options: WebSockOptions, ...opcodes: number[]): Promise<SlowReader> {
  server = createServer(identity, (request, response) => {
    upgrade(request, generous);
    response.end();
  });
  websockets = new WebSockServer(options).attach(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const socket: TLSSocket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  return SlowReader.on(socket, Buffer.concat(opcodes.map((opcode) => encodeFrame({ opcode }))));
}

describe('over TLS', () => {
  it('messages and the closing handshake work', async () => {
    const reader = await open({}, OPCODE.text, OPCODE.close);
    await reader.read(Infinity);
    expect(reader.received).toBeGreaterThan(TOTAL);
    expect(await reasons.next()).toBe('remote');
  });

  it('timeout ends a silent connection', async () => {
    const begin = performance.now();
    const reader = await open({ timeout: 300, heartbeat: false });
    expect(await reasons.next()).toBe('timeout');
    expect(performance.now() - begin).toBeGreaterThanOrEqual(300);
    reader.socket.destroy();
  });

  it('sendTimeout drops a client that takes no byte', async () => {
    const begin = performance.now();
    const reader = await open({ sendTimeout: 400 }, OPCODE.text);
    expect(await reasons.next()).toEqual(['error', 'send_timeout']);
    expectOnTime(performance.now() - begin, 400);
    reader.socket.destroy();
  });

  it('sendTimeout counts a part of a message as progress', async () => {
    const reader = await open({ sendTimeout: 400 }, OPCODE.text, OPCODE.close);
    await reader.readSlowly(TOTAL, MiB, 120);
    await reader.read(Infinity);
    expect(reader.received).toBeGreaterThan(TOTAL);
    expect(await reasons.next()).toBe('remote');
  });
});
