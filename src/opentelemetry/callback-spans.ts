import { context, SpanKind, trace, type Span, type Tracer } from '@opentelemetry/api';
import { callbackTracing, type CallbackTrace } from '../telemetry/callback-tracing.js';
import { telemetry } from '../telemetry/events.js';
import type { ConnectionRef } from '../websock/connection.js';
import { errorType } from './attributes.js';
import { failed, type ConnectionSpans } from './connection-spans.js';
import { Subscriptions } from './subscriptions.js';

/** A span per run of a callback: child of its connection's, current in the callback and in what it continues. */
export class CallbackSpans {
  readonly #tracer: Tracer;
  readonly #connections: ConnectionSpans;
  readonly #subscriptions = new Subscriptions();
  readonly #spans = new WeakMap<CallbackTrace, Span>();
  /** Those that have not settled, by connection. */
  readonly #open = new Map<ConnectionRef, Set<CallbackTrace>>();

  constructor(tracer: Tracer, connections: ConnectionSpans) {
    this.#tracer = tracer;
    this.#connections = connections;
    const { start, end, asyncEnd, error } = callbackTracing;
    this.#subscriptions.on(start, (run) => this.#start(run));
    this.#subscriptions.on(error, (run) => this.#fail(run));
    this.#subscriptions.on(end, (run) => run.isAsync || this.#end(run));
    this.#subscriptions.on(asyncEnd, (run) => this.#end(run));
    this.#subscriptions.on(telemetry.connectionStop, ({ ref }) => this.#giveUp(ref));
  }

  stop(): void {
    this.#subscriptions.end();
    for (const ref of this.#open.keys()) this.#giveUp(ref);
  }

  #start(run: CallbackTrace): void {
    const { ref, method, callback, handler } = run;
    const connection = this.#connections.find(ref);
    // It was open before us.
    if (connection === undefined) return;
    const parent = trace.setSpan(context.active(), connection);
    const attributes = { 'websocket.handler': handler, 'websocket.callback': callback };
    const span = this.#tracer.startSpan(method, { kind: SpanKind.INTERNAL, attributes }, parent);
    this.#spans.set(run, span);
    const open = this.#open.get(ref) ?? new Set();
    this.#open.set(ref, open.add(run));
    // Not by a store bound to the channel: OpenTelemetry lets nobody set its own, only call within it.
    const current = trace.setSpan(parent, span);
    run.runWithin((fn) => context.with(current, fn));
  }

  #fail(run: CallbackTrace): void {
    const span = this.#spans.get(run);
    if (span === undefined) return;
    const { error } = run;
    span.setAttribute('error.type', errorType(error));
    // Called off because the connection ends, as `signal` asks.
    if ((error as Error | null)?.name === 'AbortError') return;
    if (error instanceof Error) span.recordException(error);
    span.setStatus(failed(error));
  }

  #end(run: CallbackTrace): void {
    const span = this.#spans.get(run);
    if (span === undefined) return;
    const open = this.#open.get(run.ref);
    open?.delete(run);
    if (open?.size === 0) this.#open.delete(run.ref);
    span.updateName(run.method).end();
  }

  /** What has not settled when its connection is over was given up, and may never settle. */
  #giveUp(ref: ConnectionRef): void {
    const open = this.#open.get(ref) ?? [];
    this.#open.delete(ref);
    for (const run of open) {
      this.#spans.get(run)?.setStatus(failed('given up')).end();
      // An ended span takes nothing more, should the callback settle after all.
      this.#spans.delete(run);
    }
  }
}
