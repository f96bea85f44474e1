import type { Cancel, Clock } from '../connection/clock.js';
import type { LocalTopics } from '../pubsub/local-topics.js';
import { ByteReader, ByteWriter } from './bytes.js';
import type { NodeMail } from './node-mail.js';
import type { Relay } from './relay.js';
import type { TopicReceiver } from './topic-receiver.js';

/** A request for the numbers of topics; the last of several with `LAST`. */
const ASK = 0;
const LAST = 1;
/** They have been published. */
const DONE = 2;

/** Topics in one request. */
const TOPICS_ASKED = 500;
/** How long requests are gathered, ms: after an outage all nodes ask, and one answer is for all. */
const GATHER = 50;
/** How long the answers may take, ms. */
const CLEARING = 1_000;

export interface TopicSyncSetup {
  readonly topics: LocalTopics;
  readonly relay: Relay;
  readonly receiver: TopicReceiver;
  readonly mail: NodeMail;
  readonly clock: Clock;
  readonly nodes: () => readonly string[];
}

/**
 * After an outage: has every node say, on each topic that is listened to, how far it has come. The last messages before the broker
 * went away would be missed by nobody else.
 */
export class TopicSync {
  readonly #setup: TopicSyncSetup;
  /** Nodes that have not answered yet. */
  readonly #waitingFor = new Set<string>();
  /** What others have asked for, and who waits for it. */
  readonly #asked = new Set<string>();
  readonly #askers = new Set<string>();
  #cancelAnswer: Cancel | undefined;

  constructor(setup: TopicSyncSetup) {
    this.#setup = setup;
    setup.mail.deliver('relay', (from, body) => this.#receive(from, body));
  }

  /** The broker is back. */
  restored(): void {
    const { relay, receiver, nodes, topics, mail } = this.#setup;
    relay.announceOwed();
    receiver.restored(CLEARING);
    this.#waitingFor.clear();
    for (const node of nodes()) this.#waitingFor.add(node);
    this.#ask([...topics.topics()], (body) => mail.sendToAll('relay', body));
  }

  /** Another node says hello, and had published before: what came from it may not have come here, or ours not there. */
  hello(node: string): void {
    const topics = this.#setup.receiver.topicsOf(node);
    if (topics.length > 0) this.#ask(topics, (body) => this.#setup.mail.sendTo(node, 'relay', body));
  }

  nodeDown(node: string): void {
    this.#done(node);
  }

  stop(): void {
    this.#cancelAnswer?.();
  }

  #ask(topics: readonly string[], send: (body: Buffer) => void): void {
    for (let from = 0; ; from += TOPICS_ASKED) {
      const isLast = from + TOPICS_ASKED >= topics.length;
      const writer = new ByteWriter().byte(isLast ? LAST : ASK);
      for (const topic of topics.slice(from, from + TOPICS_ASKED)) writer.text(topic);
      send(writer.toBuffer());
      if (isLast) return;
    }
  }

  #receive(from: string, body: Buffer): void {
    const reader = new ByteReader(body);
    const kind = reader.byte();
    if (kind === DONE) return this.#done(from);
    while (!reader.isAtEnd) this.#asked.add(reader.text());
    if (kind === LAST) this.#askers.add(from);
    this.#cancelAnswer ??= this.#setup.clock.after(GATHER, () => this.#answer());
  }

  #answer(): void {
    const { relay, mail } = this.#setup;
    this.#cancelAnswer = undefined;
    relay.announce(this.#asked);
    this.#asked.clear();
    for (const node of this.#askers) mail.sendTo(node, 'relay', Buffer.of(DONE));
    this.#askers.clear();
  }

  #done(node: string): void {
    if (this.#waitingFor.delete(node) && this.#waitingFor.size === 0) this.#setup.receiver.cleared();
  }
}
