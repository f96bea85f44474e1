import { jest } from '@jest/globals';
import { once } from 'node:events';
import { WebSocket, type PerMessageDeflateOptions } from 'ws';
import { serve, stopHosts, type Host } from '../../test/support/host.js';
import { Random } from '../../test/support/random.js';
import { binary, ping, text, type Message } from '../websock/message.js';
import type { WebSockOptions } from '../websock/options.js';
import { push, stop } from '../websock/result.js';
import type { WebSock } from '../websock/websock.js';
import { SharedDeflate } from './shared-deflate.js';

const compress = jest.spyOn(SharedDeflate.prototype, 'compress');

beforeEach(() => compress.mockClear());
afterEach(stopHosts);

/** Pushes what it is sent, and stops when it is sent a close code. */
const told: WebSock = {
  handleInfo: (info, state) =>
    typeof info === 'number' ? stop('normal', info, state) : push(info as Message, state),
};

/** A client of ws: it inflates what it gets, and says what that was. */
class Listener {
  readonly heard: string[] = [];
  readonly closed: Promise<number>;

  constructor(readonly ws: WebSocket) {
    ws.on('message', (data: Buffer, isBinary) => this.#hear(isBinary ? 'binary' : 'text', data));
    ws.on('ping', (data) => this.#hear('ping', data));
    ws.on('error', (error) => this.heard.push(String(error)));
    this.closed = new Promise((resolve) => ws.on('close', resolve));
  }

  #hear(opcode: string, data: Buffer): void {
    this.heard.push(`${opcode}:${data.toString('latin1')}`);
  }
}

async function listen(host: Host, perMessageDeflate: PerMessageDeflateOptions | boolean): Promise<Listener> {
  const ws = new WebSocket(`ws://127.0.0.1:${host.port}`, { perMessageDeflate });
  const listener = new Listener(ws);
  await once(ws, 'open');
  return listener;
}

const serveDeflate = (options: WebSockOptions = {}) =>
  serve(told, { compress: true, fastPath: true, ...options });

/** The same message object to all. */
function broadcast(host: Host, message: Message | number): void {
  const { connections } = host.websockets;
  for (const ref of connections.list()) connections.sendInfo(ref, message);
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

/** As a client hears it. */
const heard = ([opcode, payload]: Message): string =>
  `${opcode}:${Buffer.from(payload as string).toString('latin1')}`;

/** Text in which much returns, also from one message to the next: a window that is not what it should be spoils it. */
function verse(random: Random, length: number): string {
  const words = ['lorem', 'ipsum', 'dolor', 'sit', 'amet', 'consectetur', 'adipiscing', '0123456789abcdef'];
  let it = '';
  while (it.length < length) it += `${random.pick(words)} `;
  return it.slice(0, length);
}

describe('a message that is pushed to many connections with permessage-deflate', () => {
  const LONG = verse(new Random(1), 3_000);

  it('is compressed once for each window that was agreed on', async () => {
    const host = await serveDeflate();
    const windows: PerMessageDeflateOptions[] = [{}, { serverMaxWindowBits: 10 }];
    const offers = Array.from({ length: 8 }, (_, i) => windows[i % 2]!);
    const listeners = await Promise.all(offers.map((offer) => listen(host, offer)));

    const messages = Array.from({ length: 20 }, (_, i) => text(`${LONG} ${i}`));
    for (const message of messages) broadcast(host, message);
    broadcast(host, 4000);

    for (const { closed, heard: all } of listeners) {
      expect(await closed).toBe(4000);
      expect(all).toEqual(messages.map(heard));
    }
    expect(compress).toHaveBeenCalledTimes(2 * messages.length);
  });

  it('is compressed from the second on where it is long', async () => {
    const host = await serveDeflate();
    const listeners = await Promise.all(Array.from({ length: 4 }, () => listen(host, true)));
    const message = text(verse(new Random(2), 50_000));

    broadcast(host, message);
    expect(compress).not.toHaveBeenCalled();
    await turn();
    expect(compress).toHaveBeenCalledTimes(1);
    broadcast(host, 4000);

    for (const { closed, heard: all } of listeners) {
      expect(await closed).toBe(4000);
      expect(all).toEqual([heard(message)]);
    }
  });

  it('has one first connection for all the long messages of a tick', async () => {
    const host = await serveDeflate();
    const listeners = await Promise.all(Array.from({ length: 3 }, () => listen(host, true)));
    const messages = Array.from({ length: 5 }, (_, i) => text(verse(new Random(i), 50_000)));

    for (const message of messages) broadcast(host, message);
    await turn();
    expect(compress).toHaveBeenCalledTimes(messages.length);
    broadcast(host, 4000);

    for (const { closed, heard: all } of listeners) {
      expect(await closed).toBe(4000);
      expect(all).toEqual(messages.map(heard));
    }
  });

  it('is never shared under context takeover', async () => {
    const host = await serveDeflate({ deflateOptions: { serverNoContextTakeover: false } });
    const listeners = await Promise.all(Array.from({ length: 4 }, () => listen(host, true)));
    expect(listeners[0]!.ws.extensions).toBe('permessage-deflate');

    const messages = Array.from({ length: 20 }, (_, i) => text(`${LONG} ${i}`));
    for (const message of messages) broadcast(host, message);
    broadcast(host, 4000);

    for (const { closed, heard: all } of listeners) {
      expect(await closed).toBe(4000);
      expect(all).toEqual(messages.map(heard));
    }
    expect(compress).not.toHaveBeenCalled();
  });

  it('is not compressed here where it is long, or short, or the fast path is closed', async () => {
    const hosts = [await serveDeflate(), await serveDeflate({ fastPath: false })];
    const messages = [text('short'), binary(Buffer.alloc(100_000, 'long '))];
    for (const [index, host] of hosts.entries()) {
      const sent = index === 0 ? messages : [...messages, text(LONG)];
      const listeners = await Promise.all(Array.from({ length: 3 }, () => listen(host, true)));
      for (const message of sent) broadcast(host, message);
      broadcast(host, 4000);
      for (const { closed, heard: all } of listeners) {
        expect(await closed).toBe(4000);
        expect(all).toEqual(sent.map(heard));
      }
    }
    expect(compress.mock.results.filter(({ value }) => value !== undefined)).toEqual([]);
  });

  it('is compressed from the threshold on, an empty one too', async () => {
    const host = await serveDeflate({ deflateOptions: { threshold: 0 } });
    const listeners = await Promise.all(Array.from({ length: 3 }, () => listen(host, true)));

    broadcast(host, text(''));
    broadcast(host, 4000);

    for (const { closed, heard: all } of listeners) {
      expect(await closed).toBe(4000);
      expect(all).toEqual(['text:']);
    }
    expect(compress).toHaveBeenCalledTimes(1);
  });

  it.each([
    ['forgets', undefined],
    // But for those of the clients that want it to forget.
    ['keeps its window', { serverNoContextTakeover: false }],
  ])('keeps its place among all that a server sends that %s', async (_, deflateOptions) => {
    const host = await serveDeflate({ deflateOptions });
    for (let seed = 1; seed <= 6; seed++) await tellAtRandom(host, new Random(seed));
    // How often depends on how soon ws has deflated the rest.
    expect(compress.mock.calls.length).toBeGreaterThan(0);
  });
});

/** Some to all, some to one, long and short, pings among them, in ticks of any size, to clients of several kinds. */
async function tellAtRandom(host: Host, random: Random): Promise<void> {
  const kinds = [true, { serverMaxWindowBits: 9 }, { serverNoContextTakeover: true }, false];
  const listeners: Listener[] = [];
  for (const kind of [...kinds, true]) listeners.push(await listen(host, kind));
  const { connections } = host.websockets;
  const refs = connections.list();
  const expected: string[][] = refs.map(() => []);
  const tell = (index: number, message: Message) => {
    connections.sendInfo(refs[index]!, message);
    expected[index]!.push(heard(message));
  };

  for (let i = 0; i < 150; i++) {
    const message = messageAtRandom(random);
    if (random.chance(3)) tell(random.below(refs.length), message);
    else for (const index of refs.keys()) tell(index, message);
    if (random.chance(4)) await turn();
  }
  broadcast(host, 4001);

  for (const [index, { closed, heard: all }] of listeners.entries()) {
    expect(await closed).toBe(4001);
    expect(all).toEqual(expected[index]);
  }
}

function messageAtRandom(random: Random): Message {
  const content = verse(random, random.pick([0, 10, 1_023, 1_024, 3_000, 3_000, 20_000]));
  if (random.chance(5)) return ping(content.slice(0, 100));
  return random.chance(3) ? binary(Buffer.from(content)) : text(content);
}
