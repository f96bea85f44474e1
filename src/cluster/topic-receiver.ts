import type { Clock, Cancel } from '../connection/clock.js';
import type { LocalTopics } from '../pubsub/local-topics.js';
import type { Subscriber } from '../pubsub/subscriber.js';
import { telemetry } from '../telemetry/events.js';
import type { ConnectionRef } from '../websock/connection.js';
import type { EngineReports } from './engine-reports.js';
import type { InfoEncoding } from './info-encoding.js';
import { readTopicPacket, type TopicPacket } from './packet.js';

/** Nodes that fell silent and may come back keep their numbers: so many of them. */
const SILENT_KEPT = 32;

export interface TopicReceiverSetup {
  readonly app: string;
  readonly topics: LocalTopics;
  readonly find: (ref: ConnectionRef) => Subscriber | undefined;
  readonly encoding: InfoEncoding;
  readonly reports: EngineReports;
  readonly clock: Clock;
  /** Told of a node that is heard of on a topic for the first time; false for one that has said goodbye. */
  readonly heard: (node: string) => boolean;
}

/** By node, the number of the message that should come next on one topic. */
type Expected = Map<string, number>;

/** Delivers what other nodes publish on topics: each message once, in order, and what is missing is counted. */
export class TopicReceiver {
  readonly #setup: TopicReceiverSetup;
  readonly #expected = new Map<string, Expected>();
  readonly #silent = new Set<string>();
  /** While an outage is cleared up: its gaps, announced at once when that is done. */
  #outage: { readonly topics: Set<string>; readonly cancel: Cancel } | undefined;

  constructor(setup: TopicReceiverSetup) {
    this.#setup = setup;
  }

  receive(topic: string, packet: Uint8Array): void {
    // What is still on its way when the last subscriber leaves.
    if (!this.#setup.topics.has(topic)) return void this.#expected.delete(topic);
    let read: TopicPacket;
    try {
      read = readTopicPacket(packet);
    } catch (error) {
      return this.#setup.reports.failed(error, 'deliver');
    }
    this.#deliver(topic, read, this.#count(topic, read));
  }

  /** The numbers of a topic that is left are of no use: what comes later was not for us. */
  left(topic: string): void {
    this.#expected.delete(topic);
    this.#outage?.topics.delete(topic);
  }

  /** Those on which a node has been heard of. */
  topicsOf(node: string): string[] {
    return [...this.#expected].filter(([, expected]) => expected.has(node)).map(([topic]) => topic);
  }

  nodeUp(node: string): void {
    this.#silent.delete(node);
  }

  /** A node that has stopped is forgotten; one that is silent may come back with the same numbers. */
  nodeDown(node: string, reason: 'bye' | 'silent'): void {
    if (reason === 'bye') return this.#forget(node);
    this.#silent.add(node);
    if (this.#silent.size > SILENT_KEPT) this.#forget(this.#silent.values().next().value!);
  }

  /**
   * The broker is back. Any topic may have a gap, also one that cannot be counted because its publisher is gone: each is announced once,
   * when `cleared()` says so or `limit` ms have passed.
   */
  restored(limit: number): void {
    this.#outage?.cancel();
    const cancel = this.#setup.clock.after(limit, () => this.cleared());
    this.#outage = { topics: new Set(this.#setup.topics.topics()), cancel };
  }

  /** All nodes have said what they published. */
  cleared(): void {
    const outage = this.#outage;
    this.#outage = undefined;
    outage?.cancel();
    for (const topic of outage?.topics ?? []) this.#setup.topics.announceGap(topic);
  }

  stop(): void {
    this.#outage?.cancel();
    this.#outage = undefined;
  }

  /** How many of the packet's messages have been here already. */
  #count(topic: string, { node, base, first, count }: TopicPacket): number {
    let expected = this.#expected.get(topic);
    if (expected === undefined) this.#expected.set(topic, (expected = new Map()));
    const next = expected.get(node);
    // What was overtaken by its goodbye counts for nothing: nobody would ever forget it again.
    if (next === undefined && !this.#setup.heard(node)) return 0;
    // The first that is heard of a node says where it stands. One that began anew did so at `base`.
    const due = next === undefined ? first : Math.max(next, base);
    if (first > due) this.#gap(topic, node, first - due);
    const end = first + count;
    if (next === undefined || end > next) expected.set(node, end);
    return Math.min(count, Math.max(0, due - first));
  }

  #gap(topic: string, node: string, lost: number): void {
    const { app, topics } = this.#setup;
    if (telemetry.pubsubGap.hasSubscribers) telemetry.pubsubGap.publish({ app, topic, node, lost });
    if (this.#outage !== undefined) this.#outage.topics.add(topic);
    else topics.announceGap(topic);
  }

  #deliver(topic: string, { count, infos }: TopicPacket, seen: number): void {
    const { topics, find, encoding, reports } = this.#setup;
    let failed = 0;
    let failure: unknown;
    for (let i = 0; i < count; i++) {
      let message: unknown;
      try {
        message = encoding.read(infos);
      } catch (error) {
        failure ??= error;
        // What is broken off has no next message.
        failed += infos.isBroken ? count - i : 1;
        if (infos.isBroken) break;
        continue;
      }
      if (i < seen) continue;
      const { except } = encoding;
      topics.deliver(topic, message, except === undefined ? undefined : find(except));
    }
    if (failed > 0) reports.failed(failure, 'deliver', failed);
  }

  #forget(node: string): void {
    this.#silent.delete(node);
    for (const expected of this.#expected.values()) expected.delete(node);
  }
}
