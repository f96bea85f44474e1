import { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { encodeFrame, OPCODE, type FrameSpec } from '../../test/support/frames.js';
import { Random } from '../../test/support/random.js';
import type { TransportListener } from '../connection/transport.js';
import type { DataMessage } from '../websock/message.js';
import { HANDSHAKE, whyClosed } from './ws-check.js';
import { readFrames } from './ws-reading.js';
import { HostedWebSocket } from './ws-socket.js';

const LIMITS = { maxPayload: 100_000, validateUtf8: true };

class FakeSocket extends Duplex {
  override _read(): void {}
  override _write(_chunk: unknown, _encoding: string, done: () => void): void {
    done();
  }
}

/** What a server hears of these chunks, read by ws alone or with a reader before it. */
async function heard(
  chunks: readonly Buffer[],
  isFast: boolean,
  maxMessageSize = LIMITS.maxPayload,
  before: (ws: HostedWebSocket) => void = () => {},
): Promise<string[]> {
  const lines: string[] = [];
  const listener: TransportListener = {
    receiveMessage: ([opcode, data]) => lines.push(`${opcode} ${Buffer.from(data).toString('hex')}`),
    receiveControl: ([opcode, data]) => lines.push(`${opcode} ${data.toString('hex')}`),
    receiveClose: (code, reason) => lines.push(`close ${code} ${Buffer.from(reason).toString('hex')}`),
    receiveViolation: (error) => lines.push(`violation ${error.closeCode}`),
    sent: () => {},
    drained: () => {},
    transportClosed: () => lines.push('gone'),
  };
  const socket = new FakeSocket();
  const server = new WebSocketServer({
    noServer: true,
    autoPong: false,
    maxPayload: maxMessageSize,
    WebSocket: HostedWebSocket,
  });
  server.handleUpgrade(HANDSHAKE, socket, Buffer.alloc(0), (ws) => {
    if (isFast) readFrames(socket, ws as HostedWebSocket, { ...LIMITS, maxPayload: maxMessageSize });
    (ws as HostedWebSocket).listen(listener);
    before(ws as HostedWebSocket);
  });
  // A copy: what is read is unmasked in place.
  for (const chunk of chunks) socket.emit('data', Buffer.from(chunk));
  await new Promise(setImmediate);
  socket.destroy();
  await new Promise((resolve) => socket.once('close', resolve));
  return lines;
}

/** Right for the most part; each in its turn finds the stream as the one before has left it. */
function frame(random: Random): Buffer {
  const size = random.pick([
    0, 1, 2, 5, 47, 48, 49, 124, 125, 126, 127, 500, 65_535, 65_536, 99_999, 100_001,
  ]);
  const isText = random.chance(2);
  const spec: FrameSpec = {
    fin: !random.chance(8),
    opcode: random.chance(5) ? random.pick(Object.values(OPCODE)) : isText ? OPCODE.text : OPCODE.binary,
    payload: isText ? 'é'.repeat(size >> 1) : random.bytes(Math.min(size, 2_000)),
    maskKey: random.bytes(4),
  };
  if (random.chance(60)) spec.mask = false;
  if (random.chance(60)) spec.rsv = 1 + random.below(7);
  if (random.chance(60)) spec.opcode = random.below(16);
  if (random.chance(60)) spec.claimedLength = random.below(2 ** 40);
  if (random.chance(60)) spec.payload = Buffer.of(0xc3, 0x28);
  return encodeFrame(spec);
}

function cut(bytes: Buffer, random: Random): Buffer[] {
  const chunks: Buffer[] = [];
  const longest = random.pick([1, 3, 10, 100, 65_536]);
  for (let at = 0; at < bytes.length;) {
    const end = at + 1 + random.below(Math.min(longest, bytes.length - at));
    chunks.push(bytes.subarray(at, end));
    at = end;
    if (chunks.length === 5_000) return [...chunks, bytes.subarray(at)];
  }
  return chunks;
}

describe('reading before ws', () => {
  it('is possible with the ws that is installed', () => {
    expect(whyClosed()).toBeUndefined();
  });

  it.each([1, 2, 3, 4])('hears exactly what ws alone hears (seed %i)', async (seed) => {
    const random = new Random(seed);
    for (let i = 0; i < 150; i++) {
      const frames = Array.from({ length: 1 + random.below(12) }, () => frame(random));
      const chunks = cut(Buffer.concat(frames), random);

      expect(await heard(chunks, true)).toEqual(await heard(chunks, false));
    }
  });

  it('takes control frames that are longer than any message may be', async () => {
    const text = encodeFrame({ opcode: OPCODE.text, payload: 'hi' });
    const frames = [encodeFrame({ opcode: OPCODE.ping, payload: 'x'.repeat(125) }), text];

    for (const isFast of [true, false])
      expect(await heard(frames, isFast, 100)).toEqual([`ping ${'78'.repeat(125)}`, 'text 6869', 'gone']);
  });

  it('reads nothing behind the close frame, also where the server has closed first', async () => {
    const close = encodeFrame({ opcode: OPCODE.close, payload: Buffer.of(3, 232) });
    const text = encodeFrame({ opcode: OPCODE.text, payload: 'late' });

    for (const isFast of [true, false])
      expect(await heard([Buffer.concat([close, text])], isFast, 100, (ws) => ws.finish(1000, ''))).toEqual([
        'gone',
      ]);
  });

  it('reads what a paused socket still holds when it closes, once', async () => {
    const hello = encodeFrame({ opcode: OPCODE.text, payload: 'hello' });
    const chunks = [Buffer.concat([hello, hello.subarray(0, 3)]), hello.subarray(3)];

    expect(await heardAfterClose(chunks)).toEqual(['text 68656c6c6f', 'text 68656c6c6f', 'gone']);
  });
});

/** The same where everything comes while reading is paused, and then the socket closes. */
async function heardAfterClose(chunks: readonly Buffer[]): Promise<string[]> {
  const lines: string[] = [];
  const socket = new FakeSocket();
  const server = new WebSocketServer({ noServer: true, WebSocket: HostedWebSocket });
  server.handleUpgrade(HANDSHAKE, socket, Buffer.alloc(0), (ws) => {
    readFrames(socket, ws as HostedWebSocket, LIMITS);
    (ws as HostedWebSocket).listen({
      receiveMessage: ([opcode, data]: DataMessage) =>
        lines.push(`${opcode} ${Buffer.from(data).toString('hex')}`),
      transportClosed: () => lines.push('gone'),
    } as unknown as TransportListener);
    ws.pause();
  });
  for (const chunk of chunks) socket.push(Buffer.from(chunk));
  socket.destroy();
  await new Promise((resolve) => socket.once('close', resolve));
  await new Promise(setImmediate);
  return lines;
}
