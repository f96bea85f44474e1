import type { NodeLink, NodePart } from '../../src/cluster/node-link.js';
import { Presence } from '../../src/cluster/presence.js';
import type { PresenceDiffInfo } from '../../src/websock/presence.js';
import { Random } from './random.js';

/** ms; a heartbeat is sent so often, and a node that was silent so long is down. */
export const HEARTBEAT = 1_000;
export const NODE_TIMEOUT = 3_000;
/** The slowest packet, ms. */
export const MAX_DELAY = 80;

interface Event {
  readonly due: number;
  readonly run: () => void;
}

type Packet = { readonly kind: 'hello' | 'alive' | 'bye' | 'part'; readonly message?: Uint8Array };

/** Presence on several nodes, on a network that loses, doubles and delays what they say; time passes when told to. */
export class PresenceNetwork {
  readonly nodes = new Map<string, PresenceNode>();
  /** Of a hundred packets, how many are lost, and how many come twice. */
  loss = 0;
  doubling = 0;
  isBrokerUp = true;
  now = 0;
  readonly #random: Random;
  #events: Event[] = [];
  /** Nodes of different groups do not hear each other. */
  #groups = new Map<string, number>();
  readonly #arrivals = new Map<string, number>();

  constructor(seed: number) {
    this.#random = new Random(seed);
  }

  start(name: string): PresenceNode {
    const node = new PresenceNode(this, name);
    this.nodes.set(name, node);
    node.start();
    return node;
  }

  partition(groups: ReadonlyMap<string, number>): void {
    this.#groups = new Map(groups);
  }

  after(ms: number, run: () => void): void {
    this.#events.push({ due: this.now + ms, run });
  }

  /** Runs what falls due, in order; of one instant what was asked for first. */
  advance(ms: number): void {
    const end = this.now + ms;
    for (;;) {
      let next: Event | undefined;
      for (const event of this.#events)
        if (event.due <= end && (next === undefined || event.due < next.due)) next = event;
      if (next === undefined) break;
      this.#events.splice(this.#events.indexOf(next), 1);
      this.now = next.due;
      next.run();
    }
    this.now = end;
  }

  /** On one channel packets of a node to another stay in order; nothing else does. */
  carry(from: string, to: string, channel: string, packet: Packet): void {
    if (!this.isBrokerUp || this.#random.below(100) < this.loss) return;
    if ((this.#groups.get(from) ?? 0) !== (this.#groups.get(to) ?? 0)) return;
    const copies = this.#random.below(100) < this.doubling ? 2 : 1;
    const path = `${from} ${to} ${channel}`;
    for (let copy = 0; copy < copies; copy++) {
      const delay = this.#random.below(MAX_DELAY);
      const due = Math.max(this.now + delay, this.#arrivals.get(path) ?? 0);
      this.#arrivals.set(path, due);
      this.after(due - this.now, () => this.nodes.get(to)?.hear(from, packet));
    }
  }
}

/** One node: its presence, and a membership as simple as can be. */
export class PresenceNode {
  readonly presence: Presence;
  readonly live = new Set<string>();
  readonly #part: NodePart;
  readonly #listeners = new Map<string, ((diff: PresenceDiffInfo) => void)[]>();
  readonly #lastHeard = new Map<string, number>();
  readonly failures: unknown[] = [];
  #opened = 0;

  constructor(
    readonly network: PresenceNetwork,
    readonly name: string,
  ) {
    this.presence = new Presence({
      node: name,
      isLive: (ref) => this.live.has(ref),
      hasSubscribers: (topic) => this.#listeners.has(topic),
      deliver: (topic, info) => this.#listeners.get(topic)?.forEach((listener) => listener(info)),
      soon: (callback) => network.after(0, () => this.#isAlive() && callback()),
    });
    const link: NodeLink = {
      node: name,
      sendToAll: (message) => this.#sendToAll({ kind: 'part', message }),
      sendTo: (node, message) => network.carry(name, node, 'node', { kind: 'part', message }),
      encode: (value) => Buffer.from(JSON.stringify(value)),
      decode: (bytes) => JSON.parse(Buffer.from(bytes).toString()) as unknown,
      failed: (error) => this.failures.push(error),
    };
    this.#part = this.presence.connect(link);
  }

  /** Opens a connection, and gives its reference. */
  open(): string {
    const ref = `${this.name}.${this.#opened++}`;
    this.live.add(ref);
    return ref;
  }

  end(ref: string): void {
    this.live.delete(ref);
    this.presence.release(ref);
  }

  listen(topic: string, listener: (info: PresenceDiffInfo) => void): void {
    this.#listeners.set(topic, [...(this.#listeners.get(topic) ?? []), listener]);
  }

  start(): void {
    this.#sendToAll({ kind: 'hello' });
    this.network.after(0, () => this.#beat());
  }

  /** Dies without a word. */
  die(): void {
    this.network.nodes.delete(this.name);
  }

  /** Ends its connections, and says goodbye. */
  stop(): void {
    for (const ref of this.live) this.end(ref);
    this.#part.stop?.();
    this.#sendToAll({ kind: 'bye' });
    this.die();
  }

  restored(): void {
    this.#part.restored();
  }

  hear(from: string, { kind, message }: Packet): void {
    if (kind === 'bye') return this.#down(from);
    const isNew = !this.#lastHeard.has(from);
    this.#lastHeard.set(from, this.network.now);
    if (isNew) this.#part.nodeUp(from);
    if (kind === 'hello') this.network.carry(this.name, from, 'node', this.#alive());
    else this.#part.receive(from, Buffer.from(message!));
  }

  #isAlive(): boolean {
    return this.network.nodes.get(this.name) === this;
  }

  #alive(): Packet {
    return { kind: 'alive', message: this.#part.beat!() };
  }

  #beat(): void {
    if (!this.#isAlive()) return;
    for (const [node, at] of this.#lastHeard) if (this.network.now - at >= NODE_TIMEOUT) this.#down(node);
    this.#sendToAll(this.#alive());
    this.network.after(HEARTBEAT, () => this.#beat());
  }

  #down(node: string): void {
    if (this.#lastHeard.delete(node)) this.#part.nodeDown(node);
  }

  #sendToAll(packet: Packet): void {
    for (const to of this.network.nodes.keys())
      if (to !== this.name) this.network.carry(this.name, to, 'cluster', packet);
  }
}
