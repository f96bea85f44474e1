/**
 * What connections tell through Node's `diagnostics_channel`; free when nobody listens.
 *
 * @module nestjs-websock/telemetry
 */
export * from './telemetry/callback-tracing.js';
export * from './telemetry/events.js';
export * from './telemetry/traffic.js';
