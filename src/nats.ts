/**
 * Nodes that speak over NATS: `cluster: { engine: nats({ connection }) }`, with your connection.
 *
 * @module nestjs-websock/nats
 */
export { nats } from './engine/nats.js';
export type { NatsEngineOptions } from './engine/nats.js';
export type { NatsInfoLike, NatsLike, NatsStatusLike, NatsSubscriptionLike } from './engine/nats-like.js';
export type { Engine, EngineListener } from './pubsub/engine.js';
export type { EngineStage } from './websock/errors.js';
