import type { Cancel, Clock } from '../connection/clock.js';
import { Sweeper, type Sweepable } from '../connection/sweeper.js';
import { telemetry } from '../telemetry/events.js';
import { ByteReader, ByteWriter } from './bytes.js';
import type { NodeMail } from './node-mail.js';

/** `HELLO` asks for an answer, `ALIVE` does not. */
const HELLO = 0;
const ALIVE = 1;
const BYE = 2;

export interface MembershipSetup {
  readonly app: string;
  readonly mail: NodeMail;
  readonly clock: Clock;
  /** ms between two signs of life. */
  readonly heartbeat: number;
  /** ms of silence after which a node is down. */
  readonly nodeTimeout: number;
  /** What the other parts send with every sign of life: bytes by part. */
  readonly beats: () => readonly (readonly [part: number, bytes: Uint8Array])[];
  /** What came with another node's. Throws for bytes that it cannot read. */
  readonly receiveBeat: (from: string, part: number, bytes: Buffer) => void;
  readonly nodeUp: (node: string) => void;
  readonly nodeDown: (node: string, reason: 'bye' | 'silent') => void;
  /** A node that is up says hello: it may have taken this one for down. */
  readonly hello: (node: string) => void;
  /** With every heartbeat. */
  readonly tick: () => void;
}

/** Which other nodes there are: each says so with every heartbeat, and is down when it says goodbye or nothing. */
export class Membership implements Sweepable {
  place = -1;
  readonly #setup: MembershipSetup;
  readonly #sweeper: Sweeper;
  /** When each was last heard of. */
  readonly #nodes = new Map<string, number>();
  /** Those that have said goodbye, and when: what is still on its way from them brings nobody back. */
  readonly #departed = new Map<string, number>();
  #cancelHeartbeat: Cancel = () => {};

  constructor(setup: MembershipSetup) {
    this.#setup = setup;
    this.#sweeper = new Sweeper(setup.clock);
    setup.mail.deliver('membership', (from, body) => this.#receive(from, body));
  }

  /** The names of the other nodes. */
  nodes(): string[] {
    return [...this.#nodes.keys()];
  }

  isUp(node: string): boolean {
    return this.#nodes.has(node);
  }

  /** Makes this node known, and learns of the others by their answers. */
  start(): void {
    this.#say(HELLO);
    this.#schedule();
    this.#sweeper.add(this, this.#setup.nodeTimeout);
  }

  /** The broker was away: who else is there? */
  restored(): void {
    this.#say(HELLO);
  }

  stop(): void {
    this.#cancelHeartbeat();
    this.#sweeper.remove(this, this.#setup.nodeTimeout);
    this.#setup.mail.sendToAll('membership', Buffer.of(BYE));
  }

  /** Something has come from a node. False when it has said goodbye before. */
  heard(node: string): boolean {
    if (this.#departed.has(node)) return false;
    const isNew = !this.#nodes.has(node);
    this.#nodes.set(node, this.#setup.clock.now());
    if (isNew) this.#up(node);
    return true;
  }

  sweep(now: number, lost: number): void {
    const { nodeTimeout } = this.#setup;
    for (const [node, heardAt] of this.#nodes) {
      // Nobody is to blame for what was not read while this process could not run.
      if (lost > 0) this.#nodes.set(node, heardAt + lost);
      if (now - heardAt - lost >= nodeTimeout) this.#down(node, 'silent');
    }
    for (const [node, since] of this.#departed) if (now - since >= nodeTimeout) this.#departed.delete(node);
  }

  #up(node: string): void {
    const { app, mail, nodeUp } = this.#setup;
    if (telemetry.nodeUp.hasSubscribers) telemetry.nodeUp.publish({ app, node });
    nodeUp(node);
    // It may have heard of this node before, and still know what this one has let go.
    mail.sendTo(node, 'membership', this.#beat(HELLO));
  }

  #down(node: string, reason: 'bye' | 'silent'): void {
    const { app, nodeDown } = this.#setup;
    if (!this.#nodes.delete(node)) return;
    if (telemetry.nodeDown.hasSubscribers) telemetry.nodeDown.publish({ app, node, reason });
    nodeDown(node, reason);
  }

  #receive(from: string, body: Buffer): void {
    const reader = new ByteReader(body);
    const kind = reader.byte();
    if (kind === BYE) {
      this.#departed.set(from, this.#setup.clock.now());
      return this.#down(from, 'bye');
    }
    if (kind === HELLO) {
      this.#setup.mail.sendTo(from, 'membership', this.#beat(ALIVE));
      this.#setup.hello(from);
    }
    while (!reader.isAtEnd) {
      const part = reader.byte();
      const length = reader.varint();
      const start = reader.skip(length);
      this.#setup.receiveBeat(from, part, body.subarray(start, start + length));
    }
  }

  #schedule(): void {
    this.#cancelHeartbeat = this.#setup.clock.after(this.#setup.heartbeat, () => {
      this.#schedule();
      this.#say(ALIVE);
      this.#setup.tick();
    });
  }

  #say(kind: number): void {
    this.#setup.mail.sendToAll('membership', this.#beat(kind));
  }

  #beat(kind: number): Buffer {
    const writer = new ByteWriter().byte(kind);
    for (const [part, bytes] of this.#setup.beats()) writer.byte(part).varint(bytes.length).bytes(bytes);
    return writer.toBuffer();
  }
}
