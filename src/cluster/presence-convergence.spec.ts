import fc from 'fast-check';
import { DiffedList, sortedList } from '../../test/support/diffed-list.js';
import {
  HEARTBEAT,
  MAX_DELAY,
  NODE_TIMEOUT,
  PresenceNetwork,
  type PresenceNode,
} from '../../test/support/presence-network.js';
import type { PresenceDiffInfo } from '../websock/presence.js';

const TOPICS = ['room:1', 'room:2'];
const KEYS = ['ann', 'bob', '__proto__'];

interface Change {
  readonly do: 'track' | 'update' | 'untrack';
  readonly topic: string;
  readonly key: string;
  /** Characters that the meta has beside what tells it from others. */
  readonly fill: number;
}

/** What may happen; the numbers pick one of what there is. */
type Step =
  | (Change & { node: number; connection: number })
  | { do: 'open' | 'kill' | 'stop'; node: number }
  | { do: 'end'; node: number; connection: number }
  | { do: 'list' | 'listen'; node: number; topic: string }
  | { do: 'wait'; ms: number }
  | { do: 'partition'; sides: number }
  | { do: 'faults'; loss: number; doubling: number }
  | { do: 'start' | 'heal' | 'broker lost' | 'broker restored' };

const node = fc.nat(4);
const connection = fc.nat(3);
const topic = fc.constantFrom(...TOPICS);
const key = fc.constantFrom(...KEYS);
// Some metas are so big that a state has several parts.
const fill = fc.constantFrom(0, 0, 0, 0, 40_000);
const ms = fc.oneof(fc.nat(20), fc.nat(HEARTBEAT), fc.nat(2 * NODE_TIMEOUT));

/** A step of one of these names; the more of them, the likelier. */
function stepOf<N extends string, R extends object>(
  weight: number,
  names: readonly N[],
  rest: { [K in keyof R]: fc.Arbitrary<R[K]> },
) {
  return { weight, arbitrary: fc.record({ do: fc.constantFrom(...names), ...rest }) };
}

const step = fc.oneof(
  stepOf(8, ['track'], { node, connection, topic, key, fill }),
  stepOf(8, ['update', 'untrack'], { node, connection, topic, key, fill }),
  stepOf(1, ['open'], { node }),
  stepOf(2, ['end'], { node, connection }),
  stepOf(1, ['kill', 'stop'], { node }),
  stepOf(3, ['list', 'listen'], { node, topic }),
  stepOf(10, ['wait'], { ms }),
  stepOf(2, ['partition'], { sides: fc.nat(31) }),
  stepOf(2, ['faults'], { loss: fc.nat(60), doubling: fc.nat(40) }),
  stepOf(4, ['start', 'heal', 'broker lost', 'broker restored'], {}),
) as fc.Arbitrary<Step>;

/** A network, and what its nodes must come to agree on. */
class Game {
  readonly network: PresenceNetwork;
  readonly #diffed: { node: PresenceNode; topic: string; list: DiffedList }[] = [];
  /** What each node's connections track: connection, topic and key → `phx_ref`. */
  readonly #truth = new Map<string, { node: PresenceNode; topic: string; ref: string }>();
  #started = 0;
  #metas = 0;

  constructor(seed: number) {
    this.network = new PresenceNetwork(seed);
    for (let i = 0; i < 3; i++) this.#start();
  }

  play(step: Step): void {
    const { network } = this;
    switch (step.do) {
      case 'wait':
        return network.advance(step.ms);
      case 'start':
        return this.#start();
      case 'faults':
        [network.loss, network.doubling] = [step.loss, step.doubling];
        return;
      case 'partition': {
        const names = [...network.nodes.keys()];
        return network.partition(new Map(names.map((name, i) => [name, (step.sides >> i) & 1])));
      }
      case 'heal':
        return network.partition(new Map());
      case 'broker lost':
        network.isBrokerUp = false;
        return;
      case 'broker restored':
        return this.#restore();
    }
    const node = pick([...network.nodes.values()], step.node);
    if (node !== undefined) this.#playAt(node, step);
  }

  /** Everything works again, and time passes that is enough. */
  settle(): void {
    [this.network.loss, this.network.doubling] = [0, 0];
    this.network.partition(new Map());
    // What was lost without a word is noticed by the heartbeats alone.
    if (!this.network.isBrokerUp) this.#restore();
    this.network.advance(NODE_TIMEOUT + 2 * HEARTBEAT + 4 * MAX_DELAY);
  }

  check(): void {
    const nodes = [...this.network.nodes.values()];
    for (const topic of TOPICS) {
      const truth = [...this.#truth.values()]
        .filter((tracked) => tracked.topic === topic && nodes.includes(tracked.node))
        .map(({ ref }) => ref);
      for (const { presence, failures } of nodes) {
        const list = sortedList(presence.list(topic)) as [string, { phx_ref: string }][];
        expect(list.map(([, { phx_ref }]) => phx_ref)).toEqual(truth.sort());
        expect(list).toEqual(sortedList(nodes[0]!.presence.list(topic)));
        expect(failures).toEqual([]);
      }
    }
    for (const { node, topic, list } of this.#diffed)
      if (nodes.includes(node)) expect(list.all).toEqual(sortedList(node.presence.list(topic)));
  }

  #start(): void {
    if (this.network.nodes.size > 4) return;
    const node = this.network.start(`n${this.#started++}`);
    node.open();
    node.open();
    for (const topic of TOPICS) this.#listen(node, topic, false);
  }

  #playAt(node: PresenceNode, step: Extract<Step, { node: number }>): void {
    switch (step.do) {
      case 'list':
        return void node.presence.list(step.topic);
      case 'listen':
        return this.#listen(node, step.topic, true);
      case 'open':
        return void node.open();
      case 'kill':
        return node.die();
      case 'stop':
        return node.stop();
      default: {
        const ref = pick([...node.live], step.connection);
        if (ref === undefined) return;
        if (step.do === 'end') this.#end(node, ref);
        else this.#change(step, node, ref);
      }
    }
  }

  #listen(node: PresenceNode, topic: string, isLate: boolean): void {
    const list = new DiffedList(isLate ? node.presence.list(topic) : {}, isLate);
    this.#diffed.push({ node, topic, list });
    node.listen(topic, (info: PresenceDiffInfo) => list.apply(info));
  }

  #restore(): void {
    this.network.isBrokerUp = true;
    // Each node notices in its own time.
    for (const [i, node] of [...this.network.nodes.values()].entries())
      this.network.after(i * 7, () => node.restored());
  }

  #end(node: PresenceNode, ref: string): void {
    node.end(ref);
    for (const place of [...this.#truth.keys()]) if (place.startsWith(`${ref} `)) this.#truth.delete(place);
  }

  #change({ do: what, topic, key, fill }: Change, node: PresenceNode, ref: string): void {
    const place = `${ref} ${topic} ${key}`;
    const { presence } = node;
    if (what === 'untrack') {
      presence.untrack(ref, topic, key);
      this.#truth.delete(place);
      return;
    }
    const meta = { n: this.#metas++, fill: 'x'.repeat(fill) };
    const phxRef =
      what === 'track'
        ? presence.track(ref, topic, key, meta)
        : presence.update(ref, topic, key, ({ n }) => ({ ...meta, before: n }));
    expect(phxRef !== undefined).toBe(what === 'track' || this.#truth.has(place));
    if (phxRef !== undefined) this.#truth.set(place, { node, topic, ref: phxRef });
  }
}

function pick<T>(items: readonly T[], n: number): T | undefined {
  return items[n % items.length];
}

/** More of them by hand: `PRESENCE_RUNS=20000 npm run jest -- presence-convergence`. */
const numRuns = Number(process.env['PRESENCE_RUNS'] ?? 400);

describe('presence on several nodes', () => {
  it('comes to the truth on every node, and tells each join and leave once, whatever is lost on the way', () => {
    const games = fc.property(fc.array(step, { maxLength: 80, size: 'max' }), fc.integer(), (steps, seed) => {
      const game = new Game(seed);
      for (const step of steps) game.play(step);
      game.settle();
      game.check();
    });
    // A failure prints fast-check's seed and path, and the shortest game that fails.
    fc.assert(games, { numRuns });
  }, 60_000);
});
