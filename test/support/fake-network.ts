import type { Clock } from '../../src/connection/clock.js';
import type { Engine, EngineListener } from '../../src/pubsub/engine.js';
import { EngineError, type EngineStage } from '../../src/websock/errors.js';

/** What publishing fails with while the fake broker is away. */
export class EngineAway extends EngineError {
  constructor(stage: EngineStage = 'publish') {
    super(stage, 'the broker is away');
  }
}

/** A packet on its way from one node to another. */
export interface FakePacket {
  readonly from: string;
  readonly to: string;
  readonly channel: string;
  readonly packet: Uint8Array;
}

export interface FakeNetworkOptions {
  /** For delays. Without one packets arrive in a microtask. */
  clock?: Clock;
  /** How long a packet takes, ms; needs a clock. One never overtakes another of the same sender to the same node. */
  delay?: number | ((packet: FakePacket) => number);
  /** Whether a packet is lost without a word. */
  loses?: (packet: FakePacket) => boolean;
  /** Whether a node gets its own packets back, as from Redis. Default true. */
  echoes?: boolean;
}

/** A broker in memory, with everything that can happen to one. `engine(name)` is a node's way to it. */
export class FakeNetwork {
  delay: number | ((packet: FakePacket) => number);
  loses: (packet: FakePacket) => boolean;
  /** Packets that have been handed over, in order, for what a test says of traffic. */
  readonly published: { from: string; channel: string; packet: Uint8Array }[] = [];
  /** Packets that did not arrive. */
  lost = 0;
  readonly #clock: Clock | undefined;
  readonly #echoes: boolean;
  readonly #engines = new Map<string, FakeEngine>();
  #groups: readonly ReadonlySet<string>[] = [];
  /** When the last packet from one node to another arrives. */
  readonly #lastArrival = new Map<string, number>();

  constructor({ clock, delay = 0, loses = () => false, echoes = true }: FakeNetworkOptions = {}) {
    this.#clock = clock;
    this.delay = delay;
    this.loses = loses;
    this.#echoes = echoes;
  }

  /** A node's engine; one per name and start. */
  engine(name: string): FakeEngine {
    const engine = new FakeEngine(this, name);
    this.#engines.set(name, engine);
    return engine;
  }

  /** The broker goes away: every node is told, and nothing can be published. */
  stopBroker(): void {
    for (const engine of this.#engines.values()) engine.cut();
  }

  /** It is back. */
  startBroker(): void {
    for (const engine of this.#engines.values()) engine.restore();
  }

  /** Nodes of different groups no longer hear each other, and nobody tells them. A node in no group hears all. */
  partition(...groups: readonly (readonly string[])[]): void {
    this.#groups = groups.map((names) => new Set(names));
  }

  /** All hear each other again. */
  heal(): void {
    this.#groups = [];
  }

  /** The node dies without a word: SIGKILL. */
  kill(name: string): void {
    this.#engines.get(name)?.die();
    this.#engines.delete(name);
  }

  /** @internal */
  carry(from: FakeEngine, channel: string, bytes: Uint8Array): void {
    // What the sender does with its bytes later is its own affair.
    const packet = Uint8Array.from(bytes);
    this.published.push({ from: from.node, channel, packet });
    for (const to of this.#engines.values()) {
      if (!to.hears(channel) || (to === from && !this.#echoes)) continue;
      const sent: FakePacket = { from: from.node, to: to.node, channel, packet };
      if (this.#areApart(from.node, to.node) || this.loses(sent)) this.lost++;
      else this.#schedule(sent, () => this.#arrive(to, sent));
    }
  }

  #arrive(to: FakeEngine, { channel, packet }: FakePacket): void {
    // Of each node its own bytes, as from a socket.
    if (to.hears(channel)) to.listener?.receive(channel, Buffer.from(packet));
    else this.lost++;
  }

  #schedule(sent: FakePacket, arrive: () => void): void {
    const delay = typeof this.delay === 'number' ? this.delay : this.delay(sent);
    const clock = this.#clock;
    if (clock === undefined || (delay === 0 && !this.#lastArrival.has(pairOf(sent)))) {
      return queueMicrotask(arrive);
    }
    const due = Math.max(clock.now() + delay, this.#lastArrival.get(pairOf(sent)) ?? 0);
    this.#lastArrival.set(pairOf(sent), due);
    clock.after(due - clock.now(), arrive);
  }

  #areApart(one: string, other: string): boolean {
    const group = this.#groups.find((names) => names.has(one));
    const others = this.#groups.find((names) => names.has(other));
    return group !== undefined && others !== undefined && group !== others;
  }
}

function pairOf({ from, to }: FakePacket): string {
  return `${from} ${to}`;
}

/** One node's client of the fake broker. */
export class FakeEngine implements Engine {
  readonly name = 'fake';
  listener: EngineListener | undefined;
  /** What the engine was asked: `subscribe topic:a`. */
  readonly calls: string[] = [];
  /** Publishes fail with this while it is set, the broker there or not. */
  publishError: Error | undefined;
  /** Larger packets are refused; bytes. */
  maxPacket = Infinity;
  /** `subscribe` and `unsubscribe` wait for this. */
  gate: Promise<void> | undefined;
  readonly #network: FakeNetwork;
  readonly #channels = new Set<string>();
  /** Who waits for the broker, with the channel. */
  #waiting: [channel: string, resolve: () => void][] = [];
  #isAway = false;
  #isDead = false;

  constructor(
    network: FakeNetwork,
    readonly node: string,
  ) {
    this.#network = network;
  }

  async start(listener: EngineListener): Promise<void> {
    await undefined;
    this.listener = listener;
    if (this.#isAway) listener.lost(new EngineAway('connect'));
  }

  async subscribe(channel: string): Promise<void> {
    this.calls.push(`subscribe ${channel}`);
    await this.gate;
    this.#channels.add(channel);
    if (this.#isAway) await new Promise<void>((resolve) => this.#waiting.push([channel, resolve]));
  }

  async unsubscribe(channel: string): Promise<void> {
    this.calls.push(`unsubscribe ${channel}`);
    await this.gate;
    this.#channels.delete(channel);
    this.#release((waiting) => waiting === channel);
  }

  async publish(channel: string, packet: Uint8Array): Promise<void> {
    await undefined;
    if (this.publishError !== undefined) throw this.publishError;
    if (this.#isAway || this.#isDead) throw new EngineAway();
    if (packet.length > this.maxPacket) throw new EngineError('publish', 'the packet is too large');
    this.#network.carry(this, channel, packet);
  }

  isHealthy(): Promise<boolean> {
    return Promise.resolve(this.listener !== undefined && !this.#isAway);
  }

  async stop(): Promise<void> {
    this.calls.push('stop');
    await undefined;
    this.die();
  }

  /** This node no longer reaches the broker, and notices. Before `start` it finds it away. */
  cut(error: Error = new EngineAway('connect')): void {
    if (this.#isAway) return;
    this.#isAway = true;
    this.listener?.lost(error);
  }

  /** It does again. */
  restore(): void {
    if (!this.#isAway) return;
    this.#isAway = false;
    this.#release(() => true);
    this.listener?.restored();
  }

  /** Whether packets of a channel reach it now. */
  hears(channel: string): boolean {
    return !this.#isAway && !this.#isDead && this.#channels.has(channel);
  }

  /** Nothing goes in or out any more. */
  die(): void {
    this.#isDead = true;
    this.listener = undefined;
    this.#release(() => true);
  }

  #release(isToGo: (channel: string) => boolean): void {
    const waiting = this.#waiting;
    this.#waiting = waiting.filter(([channel]) => !isToGo(channel));
    for (const [channel, resolve] of waiting) if (isToGo(channel)) resolve();
  }
}
