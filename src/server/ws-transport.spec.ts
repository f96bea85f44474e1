import { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import type { TransportListener } from '../connection/transport.js';
import { HANDSHAKE } from './ws-check.js';
import { HostedWebSocket } from './ws-socket.js';
import { WsTransport } from './ws-transport.js';

/** Takes what is written until it is broken; then it throws. */
class FakeSocket extends Duplex {
  readonly written: string[] = [];
  isBroken = false;

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    if (this.isBroken) throw new Error('broken');
    this.written.push(chunk.toString('latin1'));
    done();
  }
}

/** A transport on a socket, after the handshake. */
function open(): { socket: FakeSocket; transport: WsTransport; closed: Promise<void> } {
  const socket = new FakeSocket();
  let transport!: WsTransport;
  let transportClosed = () => {};
  const closed = new Promise<void>((resolve) => (transportClosed = resolve));
  const listener = { sent: () => {}, transportClosed } as Partial<TransportListener> as TransportListener;
  const server = new WebSocketServer({ noServer: true, WebSocket: HostedWebSocket });
  server.handleUpgrade(HANDSHAKE, socket, Buffer.alloc(0), (ws) => {
    transport = new WsTransport(ws as HostedWebSocket, socket, listener, 1_000);
  });
  socket.written.length = 0;
  return { socket, transport, closed };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('a transport that cannot send', () => {
  it('is dropped when its socket throws at the end of the tick; others send what they have, also later', async () => {
    const [broken, sound] = [open(), open()];
    broken.socket.isBroken = true;
    for (const { transport } of [broken, sound]) transport.send('text', 'a');
    await broken.closed;

    sound.transport.send('text', 'b');
    await turn();
    expect(sound.socket.written.join('')).toBe('\x81\x01a\x81\x01b');
  });

  it('is dropped when a message is so much that it is written at once', async () => {
    const { socket, transport, closed } = open();
    socket.isBroken = true;
    expect(transport.send('binary', Buffer.alloc(100_000))).toBe(true);
    await closed;
  });

  it('is dropped when its socket throws as it closes', async () => {
    const { socket, transport, closed } = open();
    transport.send('text', 'a');
    socket.isBroken = true;
    transport.close(1000, '');
    await closed;
  });
});
