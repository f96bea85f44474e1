import { Writable, type Duplex } from 'node:stream';
import { decodeFrame, OPCODE, type Frame } from '../../test/support/frames.js';
import { Random } from '../../test/support/random.js';
import { frameOf } from './frame.js';
import { FrameSequence } from './frame-sequence.js';
import { FrameWriter } from './frame-writer.js';

/** A socket that takes one write after the other, when told to. */
class FakeSocket extends Writable {
  readonly writes: Buffer[] = [];
  /** What the bytes of the last write lay in. */
  memory: ArrayBufferLike | undefined;
  #held: (() => void)[] | undefined;

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.memory = chunk.buffer;
    this.#take(chunk, done);
  }

  override _writev(chunks: { chunk: Buffer }[], done: () => void): void {
    this.#take(Buffer.concat(chunks.map(({ chunk }) => chunk)), done);
  }

  /** From now on nothing more is taken. */
  hold(): void {
    this.#held = [];
  }

  release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const done of held) done();
  }

  #take(bytes: Buffer, done: () => void): void {
    // What was written, not the memory it lies in.
    this.writes.push(Buffer.from(bytes));
    if (this.#held === undefined) done();
    else this.#held.push(done);
  }

  get frames(): Frame[] {
    const frames: Frame[] = [];
    for (let rest = Buffer.concat(this.writes); rest.length > 0;) {
      const decoded = decodeFrame(rest)!;
      frames.push(decoded.frame);
      rest = decoded.rest as Buffer<ArrayBuffer>;
    }
    return frames;
  }
}

function writerOn(socket: FakeSocket): FrameWriter {
  return new FrameWriter(socket as unknown as Duplex);
}

const sharedFrame = (payload: string) => new FrameSequence(frameOf('text', Buffer.from(payload)));

describe('FrameWriter', () => {
  it('writes all that was added in one write, in order', () => {
    const socket = new FakeSocket();
    const writer = writerOn(socket);

    writer.add('text', 'one');
    writer.add('ping', '');
    writer.add('binary', Buffer.of(1, 2));
    writer.add('pong', 'p');
    expect(writer.pending).toBe(5 + 2 + 4 + 3);
    writer.flush();

    expect(socket.writes).toHaveLength(1);
    expect(socket.frames.map(({ opcode, payload }) => [opcode, payload.toString('latin1')])).toEqual([
      [OPCODE.text, 'one'],
      [OPCODE.ping, ''],
      [OPCODE.binary, '\x01\x02'],
      [OPCODE.pong, 'p'],
    ]);
    expect(writer.pending).toBe(0);
  });

  it.each([0, 1, 41, 42, 125, 126, 5_461, 5_462, 16_384, 16_385, 65_535, 65_536, 200_000])(
    'frames a payload of %i bytes, as bytes and as text',
    (size) => {
      const socket = new FakeSocket();
      const writer = writerOn(socket);

      writer.add('binary', Buffer.alloc(size, 7));
      writer.add('text', 'x'.repeat(size));
      writer.flush();

      const [binary, text] = socket.frames;
      expect(binary).toMatchObject({ fin: true, rsv: 0, opcode: OPCODE.binary, masked: false });
      expect(binary!.payload.equals(Buffer.alloc(size, 7))).toBe(true);
      expect(text!.payload.equals(Buffer.alloc(size, 'x'))).toBe(true);
      expect(socket.writes).toHaveLength(1);
    },
  );

  it.each([
    'é'.repeat(41),
    '€'.repeat(41),
    '€'.repeat(5_461),
    '𝒳'.repeat(60),
    '\ud800 alone',
    '€'.repeat(30_000),
  ])('frames text as UTF-8 (%#)', (text) => {
    const socket = new FakeSocket();
    const writer = writerOn(socket);

    writer.add('text', text);
    writer.flush();

    expect(socket.frames.map(({ payload }) => payload.equals(Buffer.from(text)))).toEqual([true]);
  });

  it('keeps the frames of two connections apart that are added in turn', () => {
    const sockets = [new FakeSocket(), new FakeSocket()];
    const writers = sockets.map(writerOn);

    for (let i = 0; i < 3_000; i++) writers[i % 2]!.add('text', `message ${i}`);
    for (const writer of writers) writer.flush();

    for (const [index, socket] of sockets.entries()) {
      expect(socket.frames.map(({ payload }) => payload.toString())).toEqual(
        Array.from({ length: 1_500 }, (_, i) => `message ${2 * i + index}`),
      );
    }
  });

  it('copies small payloads at once, so that their buffers may be used again', () => {
    const socket = new FakeSocket();
    const writer = writerOn(socket);
    const bytes = Buffer.from('before');

    writer.add('binary', bytes);
    bytes.fill('x');
    writer.flush();

    expect(socket.frames[0]!.payload.toString()).toBe('before');
  });

  it('does not touch what the socket has not taken', () => {
    const socket = new FakeSocket();
    const writer = writerOn(socket);
    socket.hold();

    for (let i = 0; i < 5_000; i++) {
      writer.add('text', `message ${i}`);
      writer.flush();
    }
    socket.release();

    expect(socket.frames.map(({ payload }) => payload.toString())).toEqual(
      Array.from({ length: 5_000 }, (_, i) => `message ${i}`),
    );
  });

  it('says when the last of a flush has been taken', async () => {
    const socket = new FakeSocket();
    const writer = writerOn(socket);
    let isTaken = false;
    socket.hold();

    writer.add('binary', Buffer.alloc(20_000));
    writer.add('text', 'and this');
    const taken = new Promise<void>((resolve) => writer.flush(resolve)).then(() => (isTaken = true));
    await new Promise(setImmediate);
    expect(isTaken).toBe(false);
    socket.release();

    await taken;
  });

  it('drops what is flushed when the socket has ended', () => {
    const socket = new FakeSocket();
    const writer = writerOn(socket);

    writer.add('text', 'late');
    socket.end();
    writer.flush();

    expect(socket.writes).toEqual([]);
    expect(writer.pending).toBe(0);
  });

  it('hands the same bytes to all connections that get the same shared frames', () => {
    const sockets = [new FakeSocket(), new FakeSocket(), new FakeSocket()];
    const frames = ['one', 'two', 'three'].map(sharedFrame);

    for (const socket of sockets) {
      const writer = writerOn(socket);
      for (const frame of frames) writer.addShared(frame);
      expect(writer.pending).toBe(5 + 5 + 7);
      writer.flush();
    }

    expect(new Set(sockets.map(({ memory }) => memory)).size).toBe(1);
    for (const { writes, frames: got } of sockets) {
      expect(writes).toHaveLength(1);
      expect(got.map(({ payload }) => payload.toString())).toEqual(['one', 'two', 'three']);
    }
  });

  it('hands over a shared frame as it is where it is alone', () => {
    const socket = new FakeSocket();
    const writer = writerOn(socket);
    const frame = sharedFrame('alone');

    writer.addShared(frame);
    writer.flush();

    expect(socket.memory).toBe(frame.bytes.buffer);
  });

  it('keeps the order of shared and own frames of any size, on connections that get different ones', () => {
    const random = new Random(5);
    const payload = () =>
      'x'.repeat(random.pick([0, 3, 200, 5_000, 16_380, 16_384, 70_000])) + random.below(9);
    for (let tick = 0; tick < 200; tick++) {
      const sockets = [new FakeSocket(), new FakeSocket(), new FakeSocket()];
      const writers = sockets.map(writerOn);
      const expected: string[][] = sockets.map(() => []);
      for (let i = 0; i < 8; i++) {
        const all = payload();
        const shared = sharedFrame(all);
        for (const [index, writer] of writers.entries()) {
          if (random.chance(6)) {
            const own = payload();
            writer.add('text', own);
            expected[index]!.push(own);
          }
          if (random.chance(8)) continue;
          writer.addShared(shared);
          expected[index]!.push(all);
          if (random.chance(10)) writer.flush();
        }
      }
      for (const [index, writer] of writers.entries()) {
        const size = sockets[index]!.writes.reduce((sum, { length }) => sum + length, 0);
        const { pending } = writer;
        writer.flush();
        const { frames } = sockets[index]!;
        expect(frames.map((frame) => frame.payload.toString())).toEqual(expected[index]);
        expect(sockets[index]!.writes.reduce((sum, { length }) => sum + length, 0)).toBe(size + pending);
      }
    }
  });
});
