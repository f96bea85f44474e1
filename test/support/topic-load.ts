import { setImmediate as tick } from 'node:timers/promises';
import type { PubSub } from '../../src/index.js';

/** What a listener of a topic has got from a node. */
export interface Heard {
  count: number;
  /** The last number, -1 before the first. */
  last: number;
  /** Numbers that were not larger than the one before: doubled, or out of order. */
  disordered: number;
}

/** By node. */
export type HeardByNode = Record<string, Heard>;

export interface LoadReport {
  /** Of each listener. */
  readonly listeners: readonly { readonly topic: string; readonly heard: HeardByNode }[];
  /** What telemetry said is missing: by topic and node. */
  readonly gaps: Record<string, number>;
  /** How many messages this node has published, by topic. */
  readonly published: Record<string, number>;
}

/** The last of a node's on a topic. */
const END = -1;

/** Numbered messages on many topics, and listeners that look whether each comes once and in order. */
export class TopicLoad {
  readonly #listeners: { topic: string; heard: HeardByNode; ended: Set<string> }[] = [];
  readonly #gaps: Record<string, number> = {};
  readonly #published: Record<string, number> = {};
  #look = () => {};

  listener(topic: string) {
    const listener = { topic, heard: {} as HeardByNode, ended: new Set<string>() };
    this.#listeners.push(listener);
    return { take: (info: readonly [node: string, number: number]) => this.#take(listener, info) };
  }

  gap({ topic, node, lost }: { topic: string; node: string; lost: number }): void {
    this.#gaps[`${topic} ${node}`] = (this.#gaps[`${topic} ${node}`] ?? 0) + lost;
  }

  /** So many messages a tick on each topic, in so many ticks; then, without ticks, the last word. */
  async publish(
    pubsub: PubSub,
    node: string,
    topics: readonly string[],
    ticks: number,
    perTick: number,
    halfWay: () => void,
  ): Promise<void> {
    for (let i = 0; i < ticks; i++) {
      for (let j = 0; j < perTick; j++) for (const topic of topics) this.#publishNext(pubsub, node, topic);
      await tick();
      if (i === ticks >> 1) halfWay();
    }
    if (ticks === 0) {
      for (const topic of topics) {
        this.#published[topic]! += 1;
        pubsub.broadcast(topic, [node, END]);
      }
    }
  }

  #publishNext(pubsub: PubSub, node: string, topic: string): void {
    const number = this.#published[topic] ?? 0;
    this.#published[topic] = number + 1;
    pubsub.broadcast(topic, [node, number]);
  }

  async ended(nodes: readonly string[]): Promise<void> {
    const haveAll = () => this.#listeners.every(({ ended }) => nodes.every((node) => ended.has(node)));
    while (!haveAll()) await new Promise<void>((resolve) => (this.#look = resolve));
  }

  report(): LoadReport {
    const listeners = this.#listeners.map(({ topic, heard }) => ({ topic, heard }));
    return { listeners, gaps: this.#gaps, published: this.#published };
  }

  #take(
    { heard, ended }: { heard: HeardByNode; ended: Set<string> },
    [node, number]: readonly [node: string, number: number],
  ): void {
    const from = (heard[node] ??= { count: 0, last: -1, disordered: 0 });
    from.count += 1;
    if (number === END) {
      ended.add(node);
      return this.#look();
    }
    if (number <= from.last) from.disordered += 1;
    from.last = number;
  }
}
