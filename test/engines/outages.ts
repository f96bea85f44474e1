import { describe, expect, it } from '@jest/globals';
import { EngineError } from '../../src/core.js';
import type { Nodes } from './cases.js';
import { asText, type EngineLog } from './engine-log.js';
import type { BrokerControl, EngineStack } from './stack.js';

const bytes = (text: string): Buffer => Buffer.from(text);

const lost = ['lost', expect.objectContaining({ code: 'WEBSOCK_ENGINE', stage: 'connect' })];

/** What every engine does while the broker is away, and afterwards. */
export function outageCases(nodes: Nodes, stack: () => EngineStack): void {
  const { broker, noKillBecause } = stack();
  if (broker === undefined) {
    it.skip(`outages: ${noKillBecause}`, () => {});
    return;
  }

  describe('when the broker is killed', () => {
    it('says lost once, and restored once, when all subscriptions are back', async () => {
      const [from, to] = [await nodes.start(), await nodes.start()];
      await Promise.all(['kept', 'dropped'].map((channel) => to.engine.subscribe(channel)));
      await killed(broker, from, to);
      expect(await to.engine.isHealthy()).toBe(false);
      let isConfirmed = false;
      const added = to.engine.subscribe('added').then(() => (isConfirmed = true));
      await to.engine.unsubscribe('dropped');
      expect(isConfirmed).toBe(false);

      await broker.start();
      expect(await to.events.next()).toEqual(['restored']);
      // No wait in between: restored means that they are.
      await restored(from);
      for (const channel of ['dropped', 'kept', 'added']) await from.engine.publish(channel, bytes('back'));
      expect(asText(await to.on('kept').next())).toBe('back');
      expect(asText(await to.on('added').next())).toBe('back');
      await added;
      expect(to.on('dropped').all).toEqual([]);
      expect(await to.engine.isHealthy()).toBe(true);
      expect(to.events.all).toEqual([lost, ['restored']]);
    });

    it('rejects at once what is published meanwhile, and never delivers it', async () => {
      const [from, to] = [await nodes.start(), await nodes.start()];
      await to.engine.subscribe('news');
      await killed(broker, from, to);
      for (let i = 0; i < 3; i += 1) {
        const error: unknown = await from.engine.publish('news', bytes('stale')).catch((e: unknown) => e);
        expect(error).toBeInstanceOf(EngineError);
        expect(error).toMatchObject({ stage: 'publish', message: expect.stringMatching(/is away$/) });
      }
      await broker.start();
      await Promise.all([restored(from), restored(to)]);
      await from.engine.publish('news', bytes('fresh'));
      await from.engine.publish('news', bytes('end'));
      expect(await to.textsUntil('news', 'end')).toEqual(['fresh']);
    });

    it('doubles nothing and keeps the order when that happens in the middle of a burst', async () => {
      const [from, to] = [await nodes.start(), await nodes.start()];
      await to.engine.subscribe('burst');
      let isLost = false;
      let next = 0;
      const burst = async () => {
        while (!isLost) {
          const tick = Array.from({ length: 50 }, () => from.engine.publish('burst', bytes(String(next++))));
          const results = await Promise.allSettled(tick);
          isLost = results.some(({ status }) => status === 'rejected') || from.events.all.length > 0;
          await new Promise(setImmediate);
        }
      };
      const bursting = burst();
      await to.on('burst').next();
      await broker.kill();
      await bursting;
      await broker.start();
      await Promise.all([cameBack(from), cameBack(to)]);
      await from.engine.publish('burst', bytes('end'));
      await to.textsUntil('burst', 'end');
      const numbers = to.on('burst').all.slice(0, -1).map(asText).map(Number);
      expect(numbers.every((number, i) => number === i)).toBe(true);
      expect(numbers.length).toBeLessThanOrEqual(next);
    });

    it('starts without it, and comes up with it', async () => {
      const [far, near] = [await nodes.open(), await nodes.open()];
      await broker.kill();
      for (const { engine, log } of [far, near]) await engine.start(log);
      for (const { log } of [far, near]) expect(await log.events.next()).toEqual(lost);
      const subscribed = near.engine.subscribe('morning');
      await expect(near.engine.publish('morning', bytes('too early'))).rejects.toThrow('is away');
      await broker.start();
      await subscribed;
      for (const { log } of [far, near]) await restored(log);
      await far.engine.publish('morning', bytes('hello'));
      expect(asText(await near.log.on('morning').next())).toBe('hello');
    });

    it('survives that again and again', async () => {
      const [from, to] = [await nodes.start(), await nodes.start()];
      await to.engine.subscribe('again');
      for (let i = 0; i < 3; i += 1) {
        await killed(broker, from, to);
        await broker.start();
        await Promise.all([restored(from), restored(to)]);
        await from.engine.publish('again', bytes(String(i)));
        expect(asText(await to.on('again').next())).toBe(String(i));
      }
    });

    it('stops without it, and lets nobody wait', async () => {
      const { engine, log } = await nodes.open();
      await engine.start(log);
      await broker.kill();
      await log.events.next();
      const subscribed = engine.subscribe('never');
      const unsubscribed = engine.subscribe('given up');
      await engine.unsubscribe('given up');
      await unsubscribed;
      await engine.stop();
      await subscribed;
      await broker.start();
      expect(log.events.all).toEqual([lost]);
    });
  });

  (broker.pause ? it : it.skip)(
    'says lost when the broker no longer answers, and restored when it does',
    async () => {
      const impatience = { ping: 50, answer: 250 };
      const [from, to] = [await nodes.start(undefined, impatience), await nodes.start(undefined, impatience)];
      await to.engine.subscribe('silence');
      broker.pause!();
      try {
        for (const { events } of [from, to]) expect(await events.next()).toEqual(lost);
        await expect(from.engine.publish('silence', bytes('unheard'))).rejects.toThrow('is away');
        expect(await to.engine.isHealthy()).toBe(false);
      } finally {
        broker.resume!();
      }
      await Promise.all([cameBack(from), cameBack(to)]);
      await from.engine.publish('silence', bytes('heard'));
      expect(asText(await to.on('silence').next())).toBe('heard');
    },
  );
}

/** Dead, and everybody knows. */
async function killed(broker: BrokerControl, ...logs: EngineLog[]): Promise<void> {
  await broker.kill();
  for (const { events } of logs) expect(await events.next()).toEqual(lost);
}

async function restored({ events }: EngineLog): Promise<void> {
  expect(await events.next()).toEqual(['restored']);
}

/** Where it may have been lost more than once. */
async function cameBack({ events }: EngineLog): Promise<void> {
  while ((await events.next())[0] !== 'restored');
}
