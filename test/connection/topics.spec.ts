import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { text } from '../../src/websock/message.js';
import { ok, push } from '../../src/websock/result.js';
import type { WebSock } from '../../src/websock/websock.js';
import { settled } from '../support/fake-clock.js';
import { fakeApp, openConnection } from '../support/fake-connection.js';

const CONNECTIONS = 1_000;
const TOPICS = ['a', 'b', 'c', 'd', 'e'];
const inText = (message: unknown) => text(String(message));

const telling: WebSock<any, any, any> = {
  init: () => ok(0),
  handleInfo: (message) => push(inText(message), 0),
};

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

type How = 'info' | 'fastlane';
type Step =
  | { do: 'subscribe'; from: number; count: number; topic: string; how: How }
  | { do: 'unsubscribe' | 'end'; from: number; count: number; topic: string }
  | { do: 'broadcast'; topic: string; except: number | undefined }
  | { do: 'settle' };

const topic = fc.constantFrom(...TOPICS);
/** A run of connections: so that topics fill and empty. */
const some = { from: fc.nat(CONNECTIONS - 1), count: fc.integer({ min: 1, max: 300 }), topic };
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('subscribe'), ...some, how: fc.constantFrom('info', 'fastlane') }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('unsubscribe'), ...some }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('end'), ...some, count: fc.integer({ min: 1, max: 30 }) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('broadcast'),
      topic,
      except: fc.option(fc.nat(CONNECTIONS - 1), { nil: undefined }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('settle') }) },
) as fc.Arbitrary<Step>;

/** What each connection ought to send, told by the rules alone. */
class Model {
  readonly topics = Array.from({ length: CONNECTIONS }, () => new Set<string>());
  readonly sent = Array.from({ length: CONNECTIONS }, () => [] as string[]);
  readonly ended = new Set<number>();

  broadcast(name: string, message: string, except: number | undefined): void {
    for (const [i, topics] of this.topics.entries())
      if (topics.has(name) && i !== except) this.sent[i]!.push(`text:${message}`);
  }
}

describe('topics', () => {
  it('bring 1,000 connections exactly what was broadcast while they were subscribed, in order, fastlaned or not', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 80 }), async (steps) => {
        const app = fakeApp();
        const opened = Array.from({ length: CONNECTIONS }, () => openConnection(telling, {}, app));
        const model = new Model();
        const each = (from: number, count: number, act: (i: number) => void) => {
          for (let i = from; i < Math.min(from + count, CONNECTIONS); i++) if (!model.ended.has(i)) act(i);
        };
        for (const [n, one] of steps.entries()) {
          switch (one.do) {
            case 'subscribe':
              each(one.from, one.count, (i) => {
                const options = one.how === 'fastlane' ? { fastlane: inText } : {};
                opened[i]!.connection.subscribe(one.topic, options);
                model.topics[i]!.add(one.topic);
              });
              break;
            case 'unsubscribe':
              each(one.from, one.count, (i) => {
                opened[i]!.connection.unsubscribe(one.topic);
                model.topics[i]!.delete(one.topic);
              });
              break;
            case 'end':
              // What waits is still sent.
              each(one.from, one.count, (i) => {
                opened[i]!.connection.shutDown(1012);
                model.sent[i]!.push('close:1012:');
                model.topics[i]!.clear();
                model.ended.add(i);
              });
              break;
            case 'broadcast':
              if (one.except === undefined) app.pubsub.broadcast(one.topic, n);
              else app.pubsub.broadcastFrom(opened[one.except]!.connection, one.topic, n);
              model.broadcast(one.topic, String(n), one.except);
              break;
            case 'settle':
              await settled();
          }
        }
        await settled();
        expect(opened.map(({ log }) => log)).toEqual(model.sent);
        const kept = new Set(model.topics.flatMap((topics) => [...topics]));
        expect(new Set(app.topics.topics())).toEqual(kept);
      }),
      { numRuns: 25 },
    );
  });

  it('hold nothing of 10,000 connections that have ended, monitors included', async () => {
    const app = fakeApp();
    const watched = openConnection(telling, {}, app);
    const holders: WeakRef<object>[] = [];
    for (let i = 0; i < 10_000; i++) {
      const { connection, transport } = openConnection(telling, {}, app);
      connection.subscribe(`room:${i % 100}`);
      connection.subscribe(`user:${i}`, { fastlane: inText });
      connection.monitor(watched.connection.ref);
      transport.listener.transportClosed();
      holders.push(new WeakRef(connection));
    }
    expect([...app.topics.topics()]).toEqual([]);
    expect(app.registry.size).toBe(1);
    await settled();
    collectGarbage();
    // The last few may still be on the stack.
    expect(holders.filter((holder) => holder.deref() !== undefined).length).toBeLessThan(10);
  });
});
