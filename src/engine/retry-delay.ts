import { isIoredis, isNodeRedis, type RedisLike } from './redis-like.js';

/** How long to wait before an attempt, ms: as the client's own settings say, where they do not give up. The first attempt is 1. */
export function retryDelayOf(client: RedisLike): (attempt: number, error: unknown) => number {
  const strategy = strategyOf(client);
  return (attempt, error) => {
    const wanted = askStrategy(strategy, attempt, error);
    return typeof wanted === 'number' && wanted >= 0 ? wanted : backOff(attempt);
  };
}

function strategyOf(client: RedisLike): unknown {
  if (isIoredis(client)) return client.options.retryStrategy;
  if (!isNodeRedis(client)) return undefined;
  const strategy = client.options?.socket?.reconnectStrategy;
  // node-redis counts from 0.
  return typeof strategy === 'function'
    ? (attempt: number, error: unknown) => (strategy as (...args: unknown[]) => unknown)(attempt - 1, error)
    : strategy;
}

function askStrategy(strategy: unknown, attempt: number, error: unknown): unknown {
  try {
    return typeof strategy === 'function'
      ? (strategy as (...args: unknown[]) => unknown)(attempt, error)
      : strategy;
  } catch {
    return undefined;
  }
}

/** Not all nodes at the same moment. */
function backOff(attempt: number): number {
  return Math.min(50 * 2 ** (attempt - 1), 2_000) + Math.random() * 200;
}
