import { context, trace, type Attributes } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
  type ReadableSpan,
} from '@opentelemetry/sdk-trace-base';

/** A point of a metric: a sum's value, or how many values a histogram has. */
export interface Point {
  readonly value: number;
  readonly attributes: Attributes;
}

/** OpenTelemetry's own SDKs, keeping what they are told. */
export class Otel {
  readonly #exporter = new InMemorySpanExporter();
  readonly #reader = new PeriodicExportingMetricReader({
    exporter: new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE),
    exportIntervalMillis: 3_600_000,
  });
  readonly tracerProvider = new BasicTracerProvider({
    spanProcessors: [new SimpleSpanProcessor(this.#exporter)],
  });
  readonly meterProvider = new MeterProvider({ readers: [this.#reader] });

  constructor() {
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    trace.setGlobalTracerProvider(this.tracerProvider);
  }

  /** Spans that have ended, in that order. */
  get spans(): ReadableSpan[] {
    return this.#exporter.getFinishedSpans();
  }

  span(name: string): ReadableSpan {
    const span = this.spans.find((each) => each.name === name);
    if (span === undefined)
      throw new Error(`no span ${name} among: ${this.spans.map((each) => each.name).join()}`);
    return span;
  }

  /** The points of all metrics now, by name. */
  async metrics(): Promise<Record<string, Point[]>> {
    const { resourceMetrics } = await this.#reader.collect();
    const all = resourceMetrics.scopeMetrics.flatMap(({ metrics }) => metrics);
    return Object.fromEntries(
      all.map(({ descriptor, dataPoints }) => [
        descriptor.name,
        dataPoints.map(({ value, attributes }) => ({
          value: typeof value === 'number' ? value : value.count,
          attributes,
        })),
      ]),
    );
  }

  async shutdown(): Promise<void> {
    context.disable();
    trace.disable();
    await this.tracerProvider.shutdown();
    await this.meterProvider.shutdown();
  }
}
