import { metrics, trace, type MeterProvider, type TracerProvider } from '@opentelemetry/api';
import { CallbackSpans } from './callback-spans.js';
import { ConnectionMetrics } from './connection-metrics.js';
import { ConnectionSpans } from './connection-spans.js';

/** The instrumentation scope of our spans and metrics. */
const SCOPE = 'nestjs-websock';

/** What `openTelemetry()` takes. */
export interface OpenTelemetryOptions {
  /** Makes the spans. Default the global one. */
  tracerProvider?: TracerProvider;
  /** Makes the metrics. Default the global one as it is now: start the SDK before. */
  meterProvider?: MeterProvider;
  /**
   * A span for each run of a callback too, current in the callback: spans of a database call are its children. Costs
   * some microseconds for each message. Default false.
   */
  callbacks?: boolean;
}

/** What `openTelemetry()` has started. */
export interface OpenTelemetryBridge {
  /** Ends all spans that are open, and listens no more. */
  stop(): void;
}

/**
 * Tells OpenTelemetry of all connections of this process that open from now on: a span for each, linked to the trace in which
 * its request was upgraded, and metrics. Call it once, after the SDK has been started. docs/telemetry.md lists names
 * and attributes.
 */
export function openTelemetry(options: OpenTelemetryOptions = {}): OpenTelemetryBridge {
  const tracer = (options.tracerProvider ?? trace).getTracer(SCOPE);
  const meter = (options.meterProvider ?? metrics).getMeter(SCOPE);
  const connections = new ConnectionSpans(tracer);
  const callbacks = options.callbacks === true ? new CallbackSpans(tracer, connections) : undefined;
  const counts = new ConnectionMetrics(meter);
  return {
    stop() {
      callbacks?.stop();
      connections.stop();
      counts.stop();
    },
  };
}
