import { afterEach, describe, expect, it } from '@jest/globals';
import { eventsOf, unsubscribeAll } from '../../test/support/channel-log.js';
import { fakeApp } from '../../test/support/fake-connection.js';
import { telemetry } from '../telemetry/events.js';
import type { TopicMessages } from './topic-messages.js';

afterEach(unsubscribeAll);

const DONE = { done: true, value: undefined };

/** All that is left, until it is done. */
async function rest(messages: TopicMessages): Promise<unknown[]> {
  const taken: unknown[] = [];
  for await (const message of messages) taken.push(message);
  return taken;
}

describe('messages', () => {
  it('begins at once, and gives what comes in order, waiting or awaited', async () => {
    const { pubsub } = fakeApp();
    const messages = pubsub.messages<number>('a');
    pubsub.broadcast('a', 1);
    pubsub.broadcast('b', 'other');
    pubsub.broadcast('a', 2);
    const next = [messages.next(), messages.next(), messages.next(), messages.next()];
    pubsub.broadcast('a', 3);
    pubsub.broadcast('a', 4);
    expect((await Promise.all(next)).map(({ value }) => value)).toEqual([1, 2, 3, 4]);
  });

  it('ends when a loop leaves it: what waits is dropped, nothing stays subscribed', async () => {
    const { pubsub, topics } = fakeApp();
    const messages = pubsub.messages('a');
    for (const message of [1, 2, 3]) pubsub.broadcast('a', message);
    const taken: unknown[] = [];
    for await (const message of messages) {
      taken.push(message);
      if (message === 2) break;
    }
    pubsub.broadcast('a', 4);
    expect(taken).toEqual([1, 2]);
    expect(topics.has('a')).toBe(false);
    await expect(messages.next()).resolves.toEqual(DONE);
  });

  it('ends by return() while somebody waits for the next', async () => {
    const { pubsub } = fakeApp();
    const messages = pubsub.messages('a');
    const next = messages.next();
    await expect(messages.return()).resolves.toEqual(DONE);
    await expect(next).resolves.toEqual(DONE);
  });

  it('ends by its signal, without an error', async () => {
    const { pubsub, topics } = fakeApp();
    const controller = new AbortController();
    const messages = pubsub.messages('a', { signal: controller.signal });
    pubsub.broadcast('a', 1);
    await expect(messages.next()).resolves.toEqual({ done: false, value: 1 });
    const next = messages.next();
    controller.abort();
    await expect(next).resolves.toEqual(DONE);
    expect(topics.has('a')).toBe(false);
  });

  it('does not begin with a signal that is aborted', async () => {
    const { pubsub, topics } = fakeApp();
    const messages = pubsub.messages('a', { signal: AbortSignal.abort() });
    expect(topics.has('a')).toBe(false);
    await expect(messages.next()).resolves.toEqual(DONE);
  });

  it('ends when the app shuts down, after what waits; later ones end at once', async () => {
    const { pubsub, topics } = fakeApp();
    const messages = pubsub.messages('a');
    pubsub.broadcast('a', 1);
    pubsub.release();
    expect(topics.has('a')).toBe(false);
    await expect(rest(messages)).resolves.toEqual([1]);
    await expect(rest(pubsub.messages('a'))).resolves.toEqual([]);
  });

  it('drops the oldest past its mark, counts them, and tells the first time', async () => {
    const overflows = eventsOf(telemetry.listenerOverflow);
    const { pubsub, registry } = fakeApp();
    const messages = pubsub.messages('a', { highWaterMark: 2 });
    for (const message of [1, 2, 3, 4, 5]) pubsub.broadcast('a', message);
    expect(messages.dropped).toBe(3);
    pubsub.release();
    await expect(rest(messages)).resolves.toEqual([4, 5]);
    expect(overflows).toEqual([{ app: registry.app, topic: 'a', highWaterMark: 2 }]);
  });

  it('gives gaps when asked', async () => {
    const { pubsub, topics } = fakeApp();
    const [plain, keen] = [pubsub.messages('a'), pubsub.messages('a', { gaps: true })];
    topics.announceGap('a');
    pubsub.release();
    expect([await rest(plain), await rest(keen)]).toEqual([[], [['gap', 'a']]]);
  });

  it.each([0, -1, 1.5, Number.NaN, '7'])('refuses %p as its mark', (highWaterMark) => {
    const { pubsub, topics } = fakeApp();
    expect(() => pubsub.messages('a', { highWaterMark: highWaterMark as number })).toThrow(RangeError);
    expect(() => pubsub.messages('')).toThrow(TypeError);
    expect(() => pubsub.messages('a', { signal: {} as AbortSignal })).toThrow(TypeError);
    expect(topics.has('a')).toBe(false);
    pubsub.messages('a', { highWaterMark: Infinity });
  });
});
