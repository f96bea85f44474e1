/**
 * Spans and metrics for OpenTelemetry; needs `@opentelemetry/api`.
 *
 * @module nestjs-websock/opentelemetry
 */
export { openTelemetry } from './open-telemetry.js';
export type { OpenTelemetryBridge, OpenTelemetryOptions } from './open-telemetry.js';
