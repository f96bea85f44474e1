import { describe, expect, it } from '@jest/globals';
import { binary, text, type RawMessage } from 'nestjs-websock';
import { RealtimeClient, type RealtimeClientOptions } from '@supabase/realtime-js';
import fc from 'fast-check';
import * as phoenix from 'phoenix';
import { WebSocket } from 'ws';
import { messagesOf } from '../src/channel.js';
import { decode, encode, replyTo, type PhoenixMessage } from '../src/protocol.js';

/** As the client has it; the types of `phoenix` leave the serializer out. */
interface ClientMessage {
  join_ref: string | null;
  ref: string | null;
  topic: string;
  event: string;
  payload: unknown;
}

/** The other side: the client's own serializer. */
const client = (phoenix as unknown as { Serializer: Serializer }).Serializer;

interface Serializer {
  encode(message: ClientMessage, done: (encoded: string | ArrayBuffer) => void): void;
  decode(encoded: string | ArrayBuffer, done: (message: ClientMessage) => void): void;
}

const bytes = Uint8Array.of(0, 1, 254, 255);
const kind = fc.constantFrom(0, 3);
const size = fc.nat(8);
const sizes = fc.tuple(size, size, size, size);
const field = fc.string({ unit: 'binary', maxLength: 63 });

function fromClient(message: ClientMessage, serializer = client): PhoenixMessage | undefined {
  let encoded: string | ArrayBuffer = '';
  serializer.encode(message, (it) => (encoded = it));
  return decode(typeof encoded === 'string' ? ['text', encoded] : ['binary', Buffer.from(encoded)]);
}

function toClient(message: PhoenixMessage, serializer = client): ClientMessage {
  const [opcode, payload] = encode(message);
  let decoded: ClientMessage | undefined;
  serializer.decode(opcode === 'text' ? String(payload) : wire(payload), (it) => (decoded = it));
  return decoded!;
}

/** A payload is a nested list of text and bytes. */
function wire(payload: RawMessage[1]): ArrayBuffer {
  return Uint8Array.from(flat(payload)).buffer;
}

function flat(payload: RawMessage[1]): Buffer {
  if (payload === null) return Buffer.of();
  if (typeof payload === 'string') return Buffer.from(payload);
  return payload instanceof Uint8Array ? Buffer.from(payload) : Buffer.concat(payload.map(flat));
}

describe('text', () => {
  it('is the list of five, both ways', () => {
    const message: PhoenixMessage = ['1', '2', 'room:1', 'say', { text: 'hé' }];
    expect(encode(message)).toEqual(text('["1","2","room:1","say",{"text":"hé"}]'));
    expect(decode(['text', '["1","2","room:1","say",{"text":"hé"}]'])).toEqual(message);
  });

  it('has null for the refs of a broadcast', () => {
    expect(encode([null, null, 'room:1', 'said', {}])).toEqual(text('[null,null,"room:1","said",{}]'));
  });

  it.each([
    'no JSON',
    '',
    'null',
    '{}',
    '[]',
    '["1","2","room:1","say"]',
    '["1","2","room:1","say",{},{}]',
    '[1,"2","room:1","say",{}]',
    '["1",{},"room:1","say",{}]',
    '["1","2",null,"say",{}]',
    '["1","2","room:1",["say"],{}]',
    '['.repeat(100_000),
  ])('is undefined for what is no message: %#', (data) => {
    expect(decode(['text', data])).toBeUndefined();
  });
});

describe('binary', () => {
  it("reads the client's pushes", () => {
    const pushed = { join_ref: '1', ref: '2', topic: 'room:é', event: 'picture', payload: bytes.buffer };
    expect(fromClient(pushed)).toEqual(['1', '2', 'room:é', 'picture', Buffer.from(bytes)]);
  });

  it('writes broadcasts, pushes and replies', () => {
    expect(encode([null, null, 'r:1', 'pic', bytes])).toEqual(
      binary([Uint8Array.of(2, 3, 3), 'r:1', 'pic', bytes]),
    );
    expect(encode(['7', null, 'r:1', 'pic', bytes])).toEqual(
      binary([Uint8Array.of(0, 1, 3, 3), '7', 'r:1', 'pic', bytes]),
    );
    expect(encode(replyTo(['7', '8', 'r:1'], ['error', bytes]))).toEqual(
      binary([Uint8Array.of(1, 1, 1, 3, 5), '7', '8', 'r:1', 'error', bytes]),
    );
  });

  it('comes through, whatever is in it', () => {
    fc.assert(
      fc.property(field, field, field, field, fc.uint8Array(), (join_ref, ref, topic, event, data) => {
        const payload = Uint8Array.from(data).buffer;
        expect(fromClient({ join_ref, ref, topic, event, payload })).toEqual([
          ...[join_ref, ref, topic, event],
          Buffer.from(data),
        ]);
      }),
    );
  });

  it.each<[string, PhoenixMessage, ClientMessage]>([
    [
      'a broadcast',
      [null, null, 'room:é', 'pic', bytes],
      { join_ref: null, ref: null, topic: 'room:é', event: 'pic', payload: bytes.buffer },
    ],
    [
      'a push',
      ['7', null, 'room:é', 'pic', bytes],
      { join_ref: '7', ref: null, topic: 'room:é', event: 'pic', payload: bytes.buffer },
    ],
    [
      'a reply',
      replyTo(['7', '8', 'room:é'], ['ok', bytes]),
      {
        join_ref: '7',
        ref: '8',
        topic: 'room:é',
        event: 'phx_reply',
        payload: { status: 'ok', response: bytes.buffer },
      },
    ],
  ])('is understood by the client: %s', (_what, message, understood) => {
    expect(toClient(message)).toEqual(understood);
  });

  it('has room for 255 bytes in a field', () => {
    const topic = 'x'.repeat(255);
    expect(toClient([null, null, topic, 'pic', bytes])).toMatchObject({ topic });
    expect(() => encode([null, null, `${topic}x`, 'pic', bytes])).toThrow(RangeError);
  });

  it.each([
    ['nothing', []],
    ['a header cut off', [0, 1, 1, 1]],
    ['fields cut off', [0, 1, 1, 1, 2, 49, 50, 51, 52]],
    ['sizes beyond its end', [0, 255, 255, 255, 255, 49]],
    ['another kind', [5, 0, 0, 0, 0]],
    ["a server's reply", [1, 1, 1, 1, 2, 49, 50, 51, 111, 107]],
    ['a topic that is no UTF-8', [0, 0, 0, 1, 0, 0xff]],
  ])('is undefined for %s', (_what, data) => {
    expect(decode(['binary', Buffer.from(data)])).toBeUndefined();
  });

  it('never throws', () => {
    fc.assert(
      fc.property(kind, sizes, fc.uint8Array(), (kind, [joinRef, ref, topic, event], rest) => {
        const message = decode(['binary', Buffer.of(kind, joinRef, ref, topic, event, ...rest)]);
        expect(message === undefined || message.length === 5).toBe(true);
      }),
    );
  });
});

describe("Supabase's broadcast", () => {
  /** Its client's own serializer. The client never connects. */
  const { serializer } = new RealtimeClient('ws://nowhere', {
    params: { apikey: 'none' },
    transport: WebSocket as unknown as RealtimeClientOptions['transport'],
  });
  const supabase = serializer as unknown as Serializer;

  it.each([
    ['text', { text: 'hé' }, { text: 'hé' }],
    ['nothing', undefined, {}],
    ['bytes', bytes.buffer, Buffer.from(bytes)],
  ])('is read: %s', (_what, payload, read) => {
    const sent = { type: 'broadcast', event: 'said', payload };
    const message = { join_ref: '1', ref: '2', topic: 'realtime:k', event: 'broadcast', payload: sent };
    expect(fromClient(message, supabase)).toEqual([
      ...['1', '2', 'realtime:k', 'broadcast'],
      { ...sent, payload: read },
    ]);
  });

  it('is written in its own way where it has bytes', () => {
    const drawn = { type: 'broadcast', event: 'drawn', payload: bytes };
    expect(toClient([null, null, 'realtime:k', 'broadcast', drawn], supabase)).toMatchObject({
      topic: 'realtime:k',
      event: 'broadcast',
      payload: { ...drawn, payload: bytes.buffer },
    });
  });

  it.each([
    ['a header cut off', [3, 0, 0, 0, 0, 0]],
    ['text that is no JSON', [3, 0, 0, 0, 0, 0, 1, 123]],
    ["a server's", [4, 0, 0, 0, 0]],
  ])('is undefined for %s', (_what, data) => {
    expect(decode(['binary', Buffer.from(data)])).toBeUndefined();
  });
});

describe("a channel's result", () => {
  const address = ['7', '8', 'r:1'] as const;
  const closed = ['7', '7', 'r:1', 'phx_close', {}];
  const errored = ['7', '7', 'r:1', 'phx_error', {}];
  const replied = ['7', '8', 'r:1', 'phx_reply', { status: 'ok', response: {} }];

  it.each([
    ['says nothing', ['noreply', 0], []],
    ['replies', ['reply', ['ok'], 0], [replied]],
    [
      'pushes',
      ['push', [['a', 1] as const, ['b', 2] as const], 0],
      [
        ['7', null, 'r:1', 'a', 1],
        ['7', null, 'r:1', 'b', 2],
      ],
    ],
    ['closes', ['stop', 'normal', 0], [closed]],
    ['closes, with words for us', ['stop', ['shutdown', 'left'], 0], [closed]],
    ['replies, then closes', ['stop', 'shutdown', ['ok'], 0], [replied, closed]],
    ['fails', ['stop', new Error('no'), 0], [errored]],
    ['fails with words for us', ['stop', ['bad', 'luck'], 0], [errored]],
  ] as const)('%s', (_what, result, messages) => {
    expect(messagesOf(result, address)).toEqual(messages);
  });

  it('is one of these', () => {
    expect(() => messagesOf(['maybe', 0] as never, address)).toThrow(TypeError);
    expect(() => messagesOf(undefined as never, address)).toThrow(TypeError);
  });
});
