/**
 * Nodes that speak over Redis: `cluster: { engine: redis({ client }) }`, with your client of ioredis or node-redis.
 *
 * @module nestjs-websock/redis
 */
export { redis } from './engine/redis.js';
export type { RedisEngineOptions } from './engine/redis.js';
export type { RedisLike } from './engine/redis-like.js';
export type { Engine, EngineListener } from './pubsub/engine.js';
export type { EngineStage } from './websock/errors.js';
