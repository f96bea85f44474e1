import type { Traffic } from '../telemetry/traffic.js';
import type { Opcode } from '../websock/message.js';
import type { ResolvedOptions } from '../websock/options.js';
import type { Clock } from './clock.js';
import type { Inbox } from './inbox.js';
import { Liveness, type Verdict } from './liveness.js';
import type { Outgoing } from './outgoing.js';
import { NO_TRAFFIC, TrafficCounter } from './traffic.js';
import type { Transport } from './transport.js';

/** How many times `maxInbound` may wait where reading cannot pause. */
const UNPAUSED = 16;

/**
 * A connection's line to its client: sends, counts what goes either way, and keeps what waits bounded, both ways, by not
 * reading on.
 */
export class Line {
  readonly #transport: Transport;
  readonly #inbox: Inbox;
  readonly #clock: Clock;
  readonly #liveness: Liveness;
  /** Exists once there is something to count. */
  #traffic: TrafficCounter | undefined;
  #isPressured = false;
  #isPaused = false;
  #isHeld = false;
  #isGone = false;

  constructor(transport: Transport, inbox: Inbox, options: ResolvedOptions, clock: Clock) {
    this.#transport = transport;
    this.#inbox = inbox;
    this.#clock = clock;
    this.#liveness = new Liveness(options, clock.now());
  }

  /** More than `maxBufferedAmount` waits for the client. */
  get isPressured(): boolean {
    return this.#isPressured;
  }

  /** More of the client's messages wait than may, and reading cannot pause. */
  get isFlooded(): boolean {
    return this.#transport.cannotPause === true && this.#inbox.isFull(UNPAUSED);
  }

  /** The transport is gone. */
  get isGone(): boolean {
    return this.#isGone;
  }

  get bufferedAmount(): number {
    return this.#transport.bufferedAmount;
  }

  get traffic(): Traffic {
    return this.#traffic ?? NO_TRAFFIC;
  }

  deliver({ opcode, payload, shared }: Outgoing): void {
    if (this.#isGone || this.#transport.send(opcode, payload, shared)) return;
    this.#press();
  }

  /** Sends a ping or a pong of our own. */
  sendControl(opcode: 'ping' | 'pong', payload: string | Uint8Array): void {
    if (!this.#isGone && !this.#transport.send(opcode, payload)) this.#press();
  }

  /** The client has drained. */
  release(): void {
    this.#isPressured = false;
    this.#updateReading();
  }

  /** The transport is gone: nothing waits for it any more. */
  lift(): void {
    this.#isGone = true;
    this.#isPressured = false;
    this.#isPaused = false;
  }

  /** More waits, or less. `isBusy`: a callback has not settled, or its result is not sent. */
  update(isBusy: boolean): void {
    this.#updateReading();
    this.hold(isBusy);
  }

  /** The idle clock stands still while the client would not be heard anyway. */
  hold(isBusy: boolean): void {
    const held = isBusy || this.#isPressured || this.#isPaused;
    if (held === this.#isHeld) return;
    this.#isHeld = held;
    this.#liveness.hold(held, this.#clock.now());
  }

  /** How the client does. `lost`: milliseconds in which the process could not run. */
  look(now: number, lost: number): Verdict {
    if (lost > 0) this.#liveness.forgive(lost, now);
    return this.#liveness.look(this.#transport, now);
  }

  /** A message has come from the client. */
  countReceived(opcode: Opcode, bytes: number): void {
    this.#counter().received.add(opcode, bytes);
  }

  /** One has been handed over for it. */
  countSent(opcode: Opcode, bytes: number): void {
    this.#counter().sent.add(opcode, bytes);
  }

  /** Sends the close frame, and completes the closing handshake. */
  close(code: number | undefined, reason: string | Uint8Array): void {
    this.#transport.close(code, reason);
  }

  /** Drops the transport without a close frame. */
  destroy(): void {
    this.#transport.destroy();
  }

  /** Reading pauses at the mark and goes on at half of it. */
  #updateReading(): void {
    if (this.#isGone) return;
    const pause = this.#isPressured || this.#inbox.isFull(this.#isPaused ? 0.5 : 1);
    if (pause === this.#isPaused) return;
    this.#isPaused = pause;
    if (pause) this.#transport.pause();
    else this.#transport.resume();
  }

  #press(): void {
    // The transport may have gone by what was sent.
    this.#isPressured = !this.#isGone;
    this.update(true);
  }

  #counter(): TrafficCounter {
    return (this.#traffic ??= new TrafficCounter());
  }
}
