import { randomUUID } from 'node:crypto';
import { afterEach, describe, expect, it } from '@jest/globals';
import { EngineError } from '../../src/core.js';
import { asText, EngineLog } from './engine-log.js';
import { outageCases } from './outages.js';
import type { EngineStack, Impatience, UsersClient } from './stack.js';

const bytes = (text: string): Buffer => Buffer.from(text);

/** Nodes of one case. They share a prefix that no other case has. */
export class Nodes {
  #prefix = '';
  readonly #clients: UsersClient[] = [];

  constructor(private readonly stack: () => EngineStack) {}

  /** A node whose engine has not been started. */
  async open(prefix = this.prefix, impatience?: Impatience): Promise<UsersClient & { log: EngineLog }> {
    const client = await this.stack().open({ prefix, ...(impatience && { impatience }) });
    this.#clients.push(client);
    return { ...client, log: new EngineLog(client.engine) };
  }

  async start(prefix?: string, impatience?: Impatience): Promise<EngineLog> {
    const { engine, log } = await this.open(prefix, impatience);
    await engine.start(log);
    return log;
  }

  get prefix(): string {
    return (this.#prefix ||= `test-${randomUUID()}:`);
  }

  async stop(): Promise<void> {
    this.#prefix = '';
    for (const { engine, close } of this.#clients.splice(0)) {
      await engine.stop();
      await close();
    }
  }
}

/** What every engine does. */
export function engineCases(name: string, stack: () => EngineStack): void {
  describe(`engine over ${name}`, () => {
    const nodes = new Nodes(stack);
    afterEach(() => nodes.stop());

    it('delivers the very bytes, whatever they are', async () => {
      const [from, to] = [await nodes.start(), await nodes.start()];
      await to.engine.subscribe('bytes');
      const all = Uint8Array.from({ length: 256 }, (_, i) => i);
      // A view in the middle of a larger buffer.
      const view = Buffer.concat([bytes('before'), all, bytes('after')]).subarray(6, 262);
      for (const packet of [all, view, new Uint8Array(0), bytes('\r\n$-1\r\n')]) {
        await from.engine.publish('bytes', packet);
        expect(Buffer.from(await to.on('bytes').next())).toEqual(Buffer.from(packet));
      }
    });

    it('keeps the order of a channel, and loses and doubles nothing while the broker is there', async () => {
      const [from, to] = [await nodes.start(), await nodes.start()];
      const channels = ['a', 'b', 'c'];
      await Promise.all(channels.map((channel) => to.engine.subscribe(channel)));
      const count = 5_000;
      const published: Promise<void>[] = [];
      for (let i = 0; i < count; i += 1) {
        for (const channel of channels) published.push(from.engine.publish(channel, bytes(String(i))));
        // Some in one tick, some in the next.
        if (i % 97 === 0) await published.at(-1);
      }
      await Promise.all(published);
      await Promise.all(channels.map((channel) => from.engine.publish(channel, bytes('end'))));
      const expected = Array.from({ length: count }, (_, i) => String(i));
      for (const channel of channels) expect(await to.textsUntil(channel, 'end')).toEqual(expected);
    });

    it('lets the listener keep the bytes', async () => {
      const [from, to] = [await nodes.start(), await nodes.start()];
      await to.engine.subscribe('kept');
      const letters = Array.from({ length: 500 }, (_, i) => String.fromCharCode(97 + (i % 26)).repeat(500));
      for (const text of letters) await from.engine.publish('kept', bytes(text));
      await from.engine.publish('kept', bytes('end'));
      await to.textsUntil('kept', 'end');
      expect(to.on('kept').all.slice(0, -1).map(asText)).toEqual(letters);
    });

    it('carries a packet of 1 MiB, and one of 5 MiB or says why it cannot', async () => {
      const [from, to] = [await nodes.start(), await nodes.start()];
      await to.engine.subscribe('large');
      const { maxPacket = Infinity } = stack();
      for (const size of [1_048_576, 5 * 1_048_576]) {
        const packet = Buffer.alloc(size, `${size} `);
        const published = from.engine.publish('large', packet);
        if (size <= maxPacket) {
          await published;
          expect(packet.equals(await to.on('large').next())).toBe(true);
        } else {
          await expect(published).rejects.toThrow(
            `a packet of ${size} bytes is larger than the max_payload of the NATS server, ${maxPacket} bytes`,
          );
          await expect(published).rejects.toMatchObject({ code: 'WEBSOCK_ENGINE', stage: 'publish' });
        }
      }
      await from.engine.publish('large', bytes('after'));
      expect(asText(await to.on('large').next())).toBe('after');
    });

    it('delivers what is published as soon as subscribe() has resolved', async () => {
      const [from, to] = [await nodes.start(), await nodes.start()];
      for (let i = 0; i < 100; i += 1) {
        await to.engine.subscribe(`new ${i}`);
        await from.engine.publish(`new ${i}`, bytes('first'));
        expect(asText(await to.on(`new ${i}`).next())).toBe('first');
      }
    });

    it('delivers once on a channel that is subscribed twice', async () => {
      const [from, to] = [await nodes.start(), await nodes.start()];
      await Promise.all([to.engine.subscribe('twice'), to.engine.subscribe('twice')]);
      await to.engine.subscribe('twice');
      await from.engine.publish('twice', bytes('once'));
      await from.engine.publish('twice', bytes('end'));
      expect(await to.textsUntil('twice', 'end')).toEqual(['once']);
    });

    it('delivers nothing after unsubscribe(), and again after another subscribe()', async () => {
      const [from, to] = [await nodes.start(), await nodes.start()];
      await Promise.all([to.engine.subscribe('left'), to.engine.subscribe('stays')]);
      await to.engine.unsubscribe('left');
      await from.engine.publish('left', bytes('missed'));
      await from.engine.publish('stays', bytes('end'));
      await to.textsUntil('stays', 'end');
      expect(to.on('left').all).toEqual([]);
      await to.engine.subscribe('left');
      await from.engine.publish('left', bytes('seen'));
      expect(asText(await to.on('left').next())).toBe('seen');
    });

    it('takes the last word on a channel that is subscribed and unsubscribed without waiting', async () => {
      const [from, to] = [await nodes.start(), await nodes.start()];
      const rounds = 40;
      const calls: Promise<void>[] = [];
      for (let i = 0; i <= rounds; i += 1) {
        calls.push(to.engine.subscribe('on'), to.engine.unsubscribe('off'));
        if (i % 3 === 0) await new Promise(setImmediate);
        if (i < rounds) calls.push(to.engine.unsubscribe('on'), to.engine.subscribe('off'));
        if (i % 7 === 0) await calls.at(-1);
      }
      // Those that were unsubscribed before they were confirmed are kept as well.
      await Promise.all(calls);
      await from.engine.publish('off', bytes('no'));
      await from.engine.publish('on', bytes('yes'));
      await from.engine.publish('on', bytes('end'));
      expect(await to.textsUntil('on', 'end')).toEqual(['yes']);
      expect(to.on('off').all).toEqual([]);
    });

    it('has as many channels as are wanted', async () => {
      const [from, to] = [await nodes.start(), await nodes.start()];
      const channels = Array.from({ length: 3_000 }, (_, i) => `room:${i}`);
      await Promise.all(channels.map((channel) => to.engine.subscribe(channel)));
      await Promise.all(channels.map((channel) => from.engine.publish(channel, bytes(channel))));
      for (const channel of channels) expect(asText(await to.on(channel).next())).toBe(channel);
      expect(to.received).toBe(channels.length);
      await Promise.all(channels.map((channel) => to.engine.unsubscribe(channel)));
    });

    it('takes any string for a channel, and mixes none up', async () => {
      const [from, to] = [await nodes.start(), await nodes.start()];
      const channels = [
        ...[
          '',
          ' ',
          'a',
          'A',
          'a b',
          'a.b',
          'a.*',
          'a.>',
          '>',
          '*',
          '.',
          '..',
          'a.',
          '.a',
          'a?',
          '[ab]',
          '{a}b',
        ],
        ...[
          '=',
          '=3d',
          '%3D',
          'ä',
          'a\u0308',
          '€',
          '😀',
          '\0',
          '\r\n',
          '\t',
          '"',
          "'",
          '\\',
          '$SYS',
          '_INBOX.a',
        ],
        ...['__proto__', 'constructor', 'topic:x', 'x'.repeat(512), '€'.repeat(170)],
      ];
      await Promise.all(channels.map((channel) => to.engine.subscribe(channel)));
      for (const channel of channels) await from.engine.publish(channel, bytes(`for ${channel}`));
      for (const channel of channels) await from.engine.publish(channel, bytes('end'));
      for (const channel of channels) {
        expect(await to.textsUntil(channel, 'end')).toEqual([`for ${channel}`]);
      }
    });

    it('does not hear nodes with another prefix', async () => {
      const [ours, theirs] = [await nodes.start(`${nodes.prefix}a:`), await nodes.start(`${nodes.prefix}b:`)];
      for (const node of [ours, theirs]) await node.engine.subscribe('shared name');
      const sender = await nodes.start(`${nodes.prefix}a:`);
      await sender.engine.publish('shared name', bytes('for us'));
      await theirs.engine.publish('shared name', bytes('for them'));
      for (const [node, text] of [
        [ours, 'for us'],
        [theirs, 'for them'],
      ] as const) {
        const own = (await node.on('shared name').next()) as Uint8Array;
        expect(asText(own)).toBe(text);
        expect(node.received).toBe(1);
      }
    });

    it('is healthy from start to stop', async () => {
      const { engine, log } = await nodes.open();
      expect(await engine.isHealthy()).toBe(false);
      await engine.start(log);
      expect(await engine.isHealthy()).toBe(true);
      await engine.stop();
      expect(await engine.isHealthy()).toBe(false);
      expect(log.events.all).toEqual([]);
    });

    it('sends at stop() what was published before, and leaves the client to its user', async () => {
      const to = await nodes.start();
      await to.engine.subscribe('last words');
      const before = openSockets();
      const { engine, log, use } = await nodes.open();
      await use();
      const own = openSockets() - before;
      await engine.start(log);
      await engine.subscribe('last words');
      const published = ['one', 'two', 'three'].map((text) => engine.publish('last words', bytes(text)));
      await engine.stop();
      await Promise.all(published);
      for (const text of ['one', 'two', 'three']) expect(asText(await to.on('last words').next())).toBe(text);
      await use();
      await until(() => openSockets() - before <= own);
      const heard = log.received;
      await to.engine.publish('last words', bytes('too late'));
      await to.on('last words').next();
      expect(log.received).toBe(heard);
      await expect(engine.publish('last words', bytes('no'))).rejects.toThrow(EngineError);
    });

    outageCases(nodes, stack);
  });
}

const openSockets = (): number =>
  process.getActiveResourcesInfo().filter((resource) => resource === 'TCPSocketWrap').length;

/** Sockets close when they do; nobody says so. */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 5));
}
