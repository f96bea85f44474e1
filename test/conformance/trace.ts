import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { WebSockError, ProtocolError, type CloseReason, type ConnectionRef } from '../../src/core.js';

/** What happened to the connection of one case. */
export interface TraceEvent {
  readonly ev: string;
  /** Microseconds. */
  readonly t_us: number;
  readonly [fact: string]: unknown;
}

const STOP = 'nestjs-websock.connection.stop';

/** The record of one case: its callbacks, its connection, whether that is still there. */
export class Trace {
  readonly events: TraceEvent[] = [];
  ref: ConnectionRef | undefined;
  alive = false;

  add(ev: string, facts: object): void {
    this.events.push({ ev, t_us: Math.round(performance.now() * 1000), ...facts });
  }
}

/** The traces of all cases, by the case's id. */
export class Traces {
  readonly #byId = new Map<string, Trace>();
  readonly #byRef = new Map<ConnectionRef, Trace>();

  constructor() {
    subscribe(STOP, this.#onStop);
  }

  close(): void {
    unsubscribe(STOP, this.#onStop);
  }

  of(id: string): Trace {
    let trace = this.#byId.get(id);
    if (trace === undefined) this.#byId.set(id, (trace = new Trace()));
    return trace;
  }

  started(trace: Trace, ref: ConnectionRef): void {
    trace.ref = ref;
    trace.alive = true;
    this.#byRef.set(ref, trace);
  }

  readonly #onStop = (event: unknown): void => {
    const trace = this.#byRef.get((event as { ref: ConnectionRef }).ref);
    if (trace === undefined) return;
    trace.alive = false;
    trace.add('process_exit', { reason: 'normal' });
  };
}

/** A close reason in machine form. */
export function showReason(reason: CloseReason): unknown {
  return typeof reason === 'string' ? reason : { t: [reason[0], showTerm(reason[1])] };
}

function showTerm(term: unknown): unknown {
  if (Array.isArray(term)) return { t: term.map(showTerm) };
  if (term instanceof ProtocolError) return { crash: term.code, close_code: term.closeCode };
  if (term instanceof WebSockError) return { crash: term.code };
  if (term instanceof Error) return { exception: term.name, message: term.message };
  return term;
}
