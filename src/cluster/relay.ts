import { AsyncResource } from 'node:async_hooks';
import type { ConnectionRef } from '../websock/connection.js';
import type { TopicRelay } from '../pubsub/topic-relay.js';
import { Batch } from './batch.js';
import type { Channels } from './channels.js';
import type { InfoEncoding } from './info-encoding.js';
import type { Packets } from './packet.js';
import type { Publisher } from './publisher.js';
import { TopicNumbers } from './topic-numbers.js';

/** The context in which this module was loaded: what leaves in a tick is nobody's. */
const NEUTRAL = new AsyncResource('WebSockRelay');

/** Begins the channels of topics. */
const TOPIC = 'topic:';

/** The topic of a channel; undefined for another channel. */
export function topicOf(channel: string): string | undefined {
  return channel.startsWith(TOPIC) ? channel.slice(TOPIC.length) : undefined;
}

export interface RelaySetup {
  readonly channels: Channels;
  readonly publisher: Publisher;
  readonly packets: Packets;
  readonly encoding: InfoEncoding;
  /** Nobody here listens to a topic any more. */
  readonly left: (topic: string) => void;
}

/**
 * Takes what is broadcast here to the other nodes. What it publishes on a topic is numbered, so that they can tell what is missing;
 * `TopicReceiver` is the other half.
 */
export class Relay implements TopicRelay {
  readonly #channels: Channels;
  readonly #publisher: Publisher;
  readonly #packets: Packets;
  readonly #encoding: InfoEncoding;
  readonly #left: (topic: string) => void;
  readonly #numbers = new TopicNumbers();
  /** What leaves when this tick is over. */
  readonly #batches = new Map<string, Batch>();
  /** Topics of which packets have failed: the others cannot know yet that something is missing. */
  readonly #owed = new Set<string>();
  #isScheduled = false;
  #isStopped = false;

  constructor({ channels, publisher, packets, encoding, left }: RelaySetup) {
    this.#channels = channels;
    this.#publisher = publisher;
    this.#packets = packets;
    this.#encoding = encoding;
    this.#left = left;
  }

  join(topic: string): void {
    this.#channels.join(TOPIC + topic);
  }

  leave(topic: string): void {
    this.#channels.leave(TOPIC + topic);
    this.#left(topic);
  }

  joined(topic: string): Promise<void> {
    return this.#channels.joined(TOPIC + topic);
  }

  publish(topic: string, message: unknown, except?: ConnectionRef): void {
    if (this.#isStopped) return;
    const info = this.#encoding.encode(message, except);
    let batch = this.#batches.get(topic);
    if (batch !== undefined && !batch.hasRoomFor(info)) {
      this.#flush(topic, batch);
      batch = undefined;
    }
    if (batch === undefined) this.#batches.set(topic, (batch = new Batch()));
    batch.add(info);
    if (batch.isFull) this.#flush(topic, batch);
    else this.#schedule();
  }

  /** Publishes all that waits. */
  flush(): void {
    for (const [topic, batch] of this.#batches) this.#flush(topic, batch);
  }

  /** Tells the subscribers of topics which number comes next, in its place behind what was published. */
  announce(topics: Iterable<string>): void {
    for (const topic of topics) {
      if (this.#numbers.find(topic) === undefined) continue;
      this.#flush(topic, this.#batches.get(topic) ?? new Batch());
    }
  }

  /** Announces the topics of which packets have failed. */
  announceOwed(): void {
    const topics = [...this.#owed];
    this.#owed.clear();
    this.announce(topics);
  }

  /** Takes nothing more. */
  stop(): void {
    this.flush();
    this.#isStopped = true;
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    NEUTRAL.runInAsyncScope(setImmediate, undefined, () => {
      this.#isScheduled = false;
      this.flush();
    });
  }

  #flush(topic: string, { infos, size }: Batch): void {
    this.#batches.delete(topic);
    const numbers = this.#numbers.of(topic);
    const packet = this.#packets.topicPacket(numbers.base, numbers.next, infos, size);
    // Used up, whatever becomes of the packet: that is how the others notice.
    numbers.next += infos.length;
    this.#publisher.publish(TOPIC + topic, packet, infos.length, () => this.#owed.add(topic));
  }
}
