import { SpanStatusCode, type Attributes } from '@opentelemetry/api';
import {
  AggregationTemporality,
  type PushMetricExporter,
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics';
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace-base';

export type Print = (line: string) => void;

/** How an exporter says that it is done: 0 is success. */
type Done = (result: { code: number }) => void;

/** A line for each span that has ended: trace, span, parent, duration, name, links, what it carries. */
export class SpanPrinter implements SpanExporter {
  constructor(private readonly print: Print) {}

  export(spans: ReadableSpan[], done: Done): void {
    for (const span of spans) this.print(line(span));
    done({ code: 0 });
  }

  async shutdown(): Promise<void> {}
}

function line(span: ReadableSpan): string {
  const { name, duration, parentSpanContext, links, status, attributes } = span;
  const { traceId, spanId } = span.spanContext();
  const [seconds, nanoseconds] = duration;
  return [
    `span ${traceId.slice(0, 4)}/${spanId.slice(0, 4)}`,
    parentSpanContext && `in ${parentSpanContext.spanId.slice(0, 4)}`,
    `${(seconds * 1_000 + nanoseconds / 1e6).toFixed(1)} ms`,
    name,
    ...links.map(({ context }) => `linked to ${context.traceId.slice(0, 4)}/${context.spanId.slice(0, 4)}`),
    status.code === SpanStatusCode.ERROR && `ERROR ${status.message ?? ''}`,
    show(attributes),
  ]
    .filter(Boolean)
    .join('  ');
}

/** A line for each point of each metric. */
export class MetricPrinter implements PushMetricExporter {
  constructor(private readonly print: Print) {}

  export({ scopeMetrics }: ResourceMetrics, done: Done): void {
    for (const { descriptor, dataPoints } of scopeMetrics.flatMap(({ metrics }) => metrics)) {
      for (const { value, attributes } of dataPoints) {
        const shown = typeof value === 'number' ? `${value}` : `${value.count} values, sum ${value.sum}`;
        if (value !== 0) this.print(`metric  ${descriptor.name}  ${shown}  ${show(attributes)}`);
      }
    }
    done({ code: 0 });
  }

  selectAggregationTemporality(): AggregationTemporality {
    return AggregationTemporality.CUMULATIVE;
  }

  async forceFlush(): Promise<void> {}
  async shutdown(): Promise<void> {}
}

function show(attributes: Attributes): string {
  return Object.entries(attributes)
    .map(([name, value]) => `${name}=${String(value)}`)
    .join(' ');
}
