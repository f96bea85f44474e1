import type { EngineStage } from '../websock/errors.js';

/**
 * Carries packets between nodes: what the cluster asks of a broker. Every engine passes the same case list (test/engines).
 * A channel is any string of at most 512 bytes; a packet is opaque.
 */
export interface Engine {
  /** What logs and telemetry call it: `redis`. */
  readonly name: string;

  /**
   * Begins, once. Resolves as soon as the engine is set up, the broker there or not: one that is away is reported by `lost`. MUST NOT
   * end the process for an error of the broker's or of the client's.
   *
   * @throws ConfigError for a client that is no good
   */
  start(listener: EngineListener): Promise<void>;

  /**
   * Delivers the packets of a channel from now on. Resolves when the broker has confirmed it. While the broker is away the channel MUST be
   * remembered, and subscribed when it is back; the promise then waits for that, or for `unsubscribe` or `stop`.
   */
  subscribe(channel: string): Promise<void>;

  /** No longer does. MUST NOT reject because the broker is away. */
  unsubscribe(channel: string): Promise<void>;

  /**
   * Hands a packet to the broker; those of one channel stay in order. Rejects when it cannot be, at once while the broker is away: a
   * packet MUST NOT be kept for later, nor sent twice.
   */
  publish(channel: string, packet: Uint8Array): Promise<void>;

  /** Whether the broker answers, asked now. Never rejects. */
  isHealthy(): Promise<boolean>;

  /** Lets everything go that the engine made, after what was published; the user's client stays as it is. */
  stop(): Promise<void>;
}

/** What an engine tells the cluster. Nothing after `stop()` has resolved. */
export interface EngineListener {
  /** A packet has come, this node's own too where the broker sends them back. The bytes are the listener's to keep. */
  receive(channel: string, packet: Uint8Array): void;
  /** The broker is away: what is published meanwhile does not arrive here. Once, until `restored`. */
  lost(error: unknown): void;
  /** It is back, and so are all subscriptions. */
  restored(): void;
  /** Something failed that no promise tells. */
  failed(error: unknown, stage: EngineStage): void;
}
