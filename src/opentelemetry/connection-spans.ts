import {
  context,
  isSpanContextValid,
  SpanKind,
  SpanStatusCode,
  trace,
  type Span,
  type Tracer,
} from '@opentelemetry/api';
import { telemetry, type ConnectionStart, type ConnectionStop } from '../telemetry/events.js';
import type { ConnectionRef } from '../websock/connection.js';
import { startAttributes, stopAttributes } from './attributes.js';
import { Subscriptions } from './subscriptions.js';

/** A span per connection. Linked to the span of its upgrade, no child of it: it ends hours after that. */
export class ConnectionSpans {
  readonly #tracer: Tracer;
  readonly #subscriptions = new Subscriptions();
  readonly #open = new Map<ConnectionRef, Span>();

  constructor(tracer: Tracer) {
    this.#tracer = tracer;
    this.#subscriptions.on(telemetry.connectionStart, (event) => this.#start(event));
    this.#subscriptions.on(telemetry.connectionStop, (event) => this.#stop(event));
  }

  find(ref: ConnectionRef): Span | undefined {
    return this.#open.get(ref);
  }

  stop(): void {
    this.#subscriptions.end();
    for (const span of this.#open.values()) span.end();
    this.#open.clear();
  }

  #start(event: ConnectionStart): void {
    // The event comes in the connection's async context, which is that of its upgrade.
    const upgrade = trace.getSpanContext(context.active());
    const span = this.#tracer.startSpan(`WebSocket ${event.handler}`, {
      kind: SpanKind.SERVER,
      root: true,
      links: upgrade !== undefined && isSpanContextValid(upgrade) ? [{ context: upgrade }] : [],
      attributes: startAttributes(event),
    });
    this.#open.set(event.ref, span);
  }

  #stop(event: ConnectionStop): void {
    const span = this.#open.get(event.ref);
    if (span === undefined) return;
    this.#open.delete(event.ref);
    span.setAttributes(stopAttributes(event));
    const { error } = event;
    if (error instanceof Error) span.recordException(error);
    // A client that just goes away is nobody's error.
    if (Array.isArray(event.reason) && error !== 'closed') span.setStatus(failed(error));
    span.end();
  }
}

/** The status of a span that ends with an error. */
export function failed(error: unknown): { code: SpanStatusCode; message?: string } {
  const code = SpanStatusCode.ERROR;
  if (error instanceof Error) return { code, message: error.message };
  return typeof error === 'string' ? { code, message: error } : { code };
}
