import type { ConnectionStart, ConnectionStop } from '../telemetry/events.js';
import type { Traffic } from '../telemetry/traffic.js';
import type { ConnectionRef } from '../websock/connection.js';
import type { Opcode } from '../websock/message.js';
import { OPCODES } from './attributes.js';

/** Messages and bytes of one kind since the beginning. */
export interface Total {
  readonly handler: string;
  readonly direction: 'received' | 'sent';
  readonly opcode: Opcode;
  messages: number;
  bytes: number;
}

/**
 * What all connections of each handler have received and sent: of those that have ended, kept as sums; of those that are open, read
 * when asked. So a connection that stays for days is seen while it does, and each message is counted once.
 */
export class TrafficTotals {
  readonly #live = new Map<ConnectionRef, ConnectionStart>();
  readonly #ended = new Sums();

  start(event: ConnectionStart): void {
    this.#live.set(event.ref, event);
  }

  /** Was it known? */
  stop({ ref, handler, traffic }: ConnectionStop): boolean {
    if (!this.#live.delete(ref)) return false;
    this.#ended.add(handler, traffic);
    return true;
  }

  /** The connections that are open. */
  live(): Iterable<ConnectionStart> {
    return this.#live.values();
  }

  read(): Iterable<Total> {
    const sums = this.#ended.copy();
    for (const { handler, traffic } of this.#live.values()) sums.add(handler, traffic);
    return sums.all();
  }

  clear(): void {
    this.#live.clear();
  }
}

class Sums {
  readonly #byHandler = new Map<string, Total[]>();

  add(handler: string, traffic: Traffic): void {
    for (const total of this.#totalsOf(handler)) {
      const { messages, bytes } = traffic[total.direction][total.opcode];
      total.messages += messages;
      total.bytes += bytes;
    }
  }

  copy(): Sums {
    const copy = new Sums();
    for (const [handler, totals] of this.#byHandler)
      copy.#byHandler.set(
        handler,
        totals.map((total) => ({ ...total })),
      );
    return copy;
  }

  all(): Total[] {
    return [...this.#byHandler.values()].flat();
  }

  #totalsOf(handler: string): Total[] {
    let totals = this.#byHandler.get(handler);
    if (totals === undefined) this.#byHandler.set(handler, (totals = zeros(handler)));
    return totals;
  }
}

function zeros(handler: string): Total[] {
  const directions = ['received', 'sent'] as const;
  return directions.flatMap((direction) =>
    OPCODES.map((opcode) => ({ handler, direction, opcode, messages: 0, bytes: 0 })),
  );
}
