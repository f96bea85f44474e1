/**
 * A client of ioredis (`new Redis(…)`) or of node-redis (`createClient(…)`), connected or not. The engine copies its settings by
 * `duplicate()` and uses nothing else of it; clients of a cluster, pools and node-redis' sentinels are refused.
 */
export interface RedisLike {
  /** Another client with the same settings, but these. */
  // Both libraries' own types of options are too narrow to be met by anything written here.
  duplicate(overrides?: any): object;
  /** As of any `EventEmitter`. */
  on(event: string, listener: (...args: any[]) => void): unknown;
}

/** What is used of ioredis, 5 or later. */
export interface IoredisLike extends RedisLike {
  readonly status: string;
  readonly options: { readonly retryStrategy?: unknown };
  connect(): Promise<unknown>;
  disconnect(): void;
  info(section: string): Promise<unknown>;
  ping(): Promise<unknown>;
  pipeline(): IoredisPipelineLike;
  subscribe(...channels: string[]): Promise<unknown>;
  unsubscribe(...channels: string[]): Promise<unknown>;
  ssubscribe(...channels: string[]): Promise<unknown>;
  sunsubscribe(...channels: string[]): Promise<unknown>;
}

export interface IoredisPipelineLike {
  publish(channel: string, packet: Buffer): unknown;
  spublish(channel: string, packet: Buffer): unknown;
  exec(): Promise<[error: Error | null, result: unknown][] | null>;
}

type NodeRedisListener = (packet: Buffer, channel: Buffer) => void;

/** What is used of node-redis, 4.6 or later. */
export interface NodeRedisLike extends RedisLike {
  readonly isReady: boolean;
  readonly options?: { readonly socket?: { readonly reconnectStrategy?: unknown } };
  off(event: string, listener: (...args: any[]) => void): unknown;
  connect(): Promise<unknown>;
  /** Since 5. */
  destroy?(): void;
  /** In 4. */
  disconnect?(): Promise<void>;
  info(section: string): Promise<unknown>;
  ping(): Promise<unknown>;
  publish(channel: string, packet: Buffer): Promise<unknown>;
  sPublish(channel: string, packet: Buffer): Promise<unknown>;
  subscribe(channels: string[], listener: NodeRedisListener, bufferMode: true): Promise<void>;
  unsubscribe(channels: string[], listener: NodeRedisListener, bufferMode: true): Promise<void>;
  sSubscribe(channels: string[], listener: NodeRedisListener, bufferMode: true): Promise<void>;
  sUnsubscribe(channels: string[], listener: NodeRedisListener, bufferMode: true): Promise<void>;
}

export function isIoredis(client: RedisLike): client is IoredisLike {
  // A cluster's client has isCluster, and its options elsewhere.
  return (
    has(client, 'pipeline', 'duplicate', 'ssubscribe') && 'status' in client && !flag(client, 'isCluster')
  );
}

export function isNodeRedis(client: RedisLike): client is NodeRedisLike {
  // Pools, sentinels and clusters have no isReady of one connection, or more beside it.
  return has(client, 'duplicate', 'sSubscribe', 'sPublish') && 'isReady' in client && !isSeveral(client);
}

function isSeveral(client: object): boolean {
  return ['masters', 'slots', 'totalClients', 'getSentinelNode', 'acquire'].some((name) => name in client);
}

function has(client: unknown, ...methods: string[]): boolean {
  if (typeof client !== 'object' || client === null) return false;
  return methods.every((name) => typeof (client as Record<string, unknown>)[name] === 'function');
}

function flag(client: object, name: string): boolean {
  return (client as Record<string, unknown>)[name] === true;
}
