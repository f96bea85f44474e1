import { context, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import { BasicTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { openTelemetry } from 'nestjs-websock/opentelemetry';
import { MetricPrinter, SpanPrinter, type Print } from './printers.js';

/** What `startTelemetry` has started. */
export interface RunningTelemetry {
  /** Prints the metrics now. */
  flush(): Promise<void>;
  stop(): Promise<void>;
}

/** OpenTelemetry, with exporters that print. In an app of yours: `NodeSDK`, and exporters to your collector. */
export function startTelemetry(print: Print = console.log): RunningTelemetry {
  const tracerProvider = new BasicTracerProvider({
    spanProcessors: [new SimpleSpanProcessor(new SpanPrinter(print))],
  });
  const meterProvider = new MeterProvider({
    readers: [
      new PeriodicExportingMetricReader({ exporter: new MetricPrinter(print), exportIntervalMillis: 15_000 }),
    ],
  });
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  trace.setGlobalTracerProvider(tracerProvider);
  const bridge = openTelemetry({ meterProvider, callbacks: true });
  return {
    flush: () => meterProvider.forceFlush(),
    async stop() {
      bridge.stop();
      await tracerProvider.shutdown();
      await meterProvider.shutdown();
      trace.disable();
      context.disable();
    },
  };
}
