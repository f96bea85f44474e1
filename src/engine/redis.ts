import type { Engine, EngineListener } from '../pubsub/engine.js';
import { ConfigError, EngineError } from '../websock/errors.js';
import { IoredisConnection } from './ioredis-connection.js';
import { NodeRedisConnection } from './node-redis-connection.js';
import type { ReceivePacket, RedisConnection } from './redis-connection.js';
import { isIoredis, isNodeRedis, type RedisLike } from './redis-like.js';
import { LINK_TIMES, RedisLink, type LinkTimes } from './redis-link.js';
import { RedisOutbox } from './redis-outbox.js';
import { RedisSubscriptions } from './redis-subscriptions.js';
import { retryDelayOf } from './retry-delay.js';
import { within } from './within.js';

/** How nodes speak to each other over Redis. */
export interface RedisEngineOptions {
  /**
   * Of ioredis or node-redis, connected or not. It stays as it is: the engine makes two connections with its settings
   * (`client.duplicate()`), one to publish, one to subscribe.
   */
  client: RedisLike;
  /** Whose settings the subscribing connection takes, for instance with another user or name. Default: those of `client`. */
  subscriber?: RedisLike;
  /** What the names of channels begin with; apps that share a Redis need different ones. Default `websock:`. */
  prefix?: string;
  /**
   * Whether to use sharded pub/sub (`SPUBLISH`), which all nodes must do or none. Default `'auto'`: where the server is Redis 7 or later
   * and no node of a Redis Cluster, asked anew on each connection. Say `false` where servers of both kinds are reached at one time.
   */
  sharded?: boolean | 'auto';
}

/** How long the broker has to answer `isHealthy`, and what is published to be taken at `stop`, ms. */
const PATIENCE = 2_000;

/**
 * An engine over Redis pub/sub: `cluster: { engine: redis({ client }) }`.
 *
 * @throws ConfigError for a client that is neither ioredis' nor node-redis', and for one of a cluster
 */
export function redis(options: RedisEngineOptions): Engine {
  return new RedisEngine(options);
}

/** @internal */
export class RedisEngine implements Engine {
  readonly name = 'redis';
  readonly #prefix: string;
  readonly #client: RedisLike;
  readonly #publisher: RedisLink;
  readonly #subscriber: RedisLink;
  readonly #outbox: RedisOutbox;
  readonly #subscriptions: RedisSubscriptions;
  /** Set by `start`, gone with `stop`. */
  #listener: EngineListener | undefined;
  /** Whether all subscriptions are confirmed. */
  #isSubscribed = false;
  #isLost = false;
  /** Called once it is known whether the broker is there. */
  #known = (): void => {};
  #ended: Promise<unknown> = Promise.resolve();

  constructor(
    { client, subscriber = client, prefix = 'websock:', sharded = 'auto' }: RedisEngineOptions,
    times: LinkTimes = LINK_TIMES,
  ) {
    checkSettings(prefix, sharded);
    const publishing = connector('client', client, () => {});
    const subscribing = connector('subscriber', subscriber, (channel, packet) =>
      this.#receive(channel, packet),
    );
    this.#prefix = prefix;
    this.#client = client;
    const down = (why: unknown) => this.#down(why);
    this.#publisher = new RedisLink(
      { connect: publishing, sharded, retryDelay: retryDelayOf(client), times },
      () => this.#settle(),
      down,
    );
    this.#subscriptions = new RedisSubscriptions((error) => this.#listener?.failed(error, error.stage));
    this.#subscriber = new RedisLink(
      { connect: subscribing, sharded, retryDelay: retryDelayOf(subscriber), times },
      (connection) => void this.#resubscribe(connection),
      (why) => {
        this.#isSubscribed = false;
        this.#subscriptions.disconnect();
        down(why);
      },
    );
    // Where one of the two connections breaks, the other may be as dead without knowing it yet.
    this.#outbox = new RedisOutbox(() => (this.#isLost ? undefined : this.#publisher.connection));
  }

  async start(listener: EngineListener): Promise<void> {
    this.#listener = listener;
    // Of node-redis' clients an error that nobody listens to ends the process, when the broker goes away for instance.
    if (isNodeRedis(this.#client)) this.#client.on('error', ignore);
    const known = new Promise<void>((resolve) => (this.#known = resolve));
    this.#ended = Promise.all([this.#publisher.open(), this.#subscriber.open()]);
    await known;
  }

  subscribe(channel: string): Promise<void> {
    return this.#subscriptions.add(this.#prefix + channel);
  }

  async unsubscribe(channel: string): Promise<void> {
    this.#subscriptions.remove(this.#prefix + channel);
  }

  publish(channel: string, packet: Uint8Array): Promise<void> {
    return this.#outbox.publish(this.#prefix + channel, packet);
  }

  async isHealthy(): Promise<boolean> {
    const connections = [this.#publisher.connection, this.#subscriber.connection];
    if (!this.#isThere) return false;
    try {
      await within(PATIENCE, Promise.all(connections.map((connection) => connection!.ping())));
      return true;
    } catch {
      return false;
    }
  }

  async stop(): Promise<void> {
    await within(PATIENCE, this.#outbox.settled()).catch(ignore);
    this.#listener = undefined;
    this.#known();
    this.#subscriptions.clear();
    this.#publisher.close();
    this.#subscriber.close();
    await this.#ended;
    if (isNodeRedis(this.#client)) this.#client.off('error', ignore);
  }

  #receive(channel: string, packet: Uint8Array): void {
    // What was on its way when it was unsubscribed is not delivered.
    if (this.#subscriptions.has(channel)) this.#listener?.receive(channel.slice(this.#prefix.length), packet);
  }

  async #resubscribe(connection: RedisConnection): Promise<void> {
    const isAnswered = await this.#subscriptions.connect(connection);
    if (!isAnswered || this.#subscriber.connection !== connection) return;
    this.#isSubscribed = true;
    this.#settle();
  }

  get #isThere(): boolean {
    return this.#publisher.connection !== undefined && this.#isSubscribed;
  }

  #settle(): void {
    if (!this.#isThere) return;
    const wasLost = this.#isLost;
    this.#isLost = false;
    if (wasLost) this.#listener?.restored();
    this.#known();
  }

  #down(cause: unknown): void {
    const wasLost = this.#isLost;
    this.#isLost = true;
    if (!wasLost) this.#listener?.lost(new EngineError('connect', 'Redis is away', { cause }));
    this.#known();
  }
}

function checkSettings(prefix: unknown, sharded: unknown): void {
  if (typeof prefix !== 'string') {
    throw new ConfigError('WEBSOCK_OPTION_INVALID', `redis(): prefix must be a string, got ${typeof prefix}`);
  }
  if (typeof sharded !== 'boolean' && sharded !== 'auto') {
    throw new ConfigError('WEBSOCK_OPTION_INVALID', "redis(): sharded must be true, false or 'auto'");
  }
}

function connector(option: string, client: RedisLike, receive: ReceivePacket): () => RedisConnection {
  if (isIoredis(client)) return () => new IoredisConnection(client, receive);
  if (isNodeRedis(client)) return () => new NodeRedisConnection(client, receive);
  throw new ConfigError(
    'WEBSOCK_ENGINE_CLIENT',
    `redis(): ${option} must be a client of ioredis (new Redis()) or node-redis (createClient()) for one server; ` +
      'for a Redis Cluster one of any of its nodes, which passes on to the others',
  );
}

function ignore(): void {}
