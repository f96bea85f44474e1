import type { Engine } from '../pubsub/engine.js';
import type { EngineReports } from './engine-reports.js';

/** A channel on its way to the last wish. */
interface Subscription {
  wanted: boolean;
  isSubscribed: boolean;
  isSettling: boolean;
  /** `unsubscribe` was called while `subscribe` waited for the broker. */
  isGivenUp: boolean;
  /** Who waits for the subscription. */
  waiting: (() => void)[];
}

/**
 * The channels that this node listens to. Of each one the last wish wins, however fast they change: the engine is asked for one thing at
 * a time.
 */
export class Channels {
  readonly #engine: Engine;
  readonly #reports: EngineReports;
  readonly #channels = new Map<string, Subscription>();
  /** Then a subscription waits for the broker. */
  #isAway = false;

  constructor(engine: Engine, reports: EngineReports) {
    this.#engine = engine;
    this.#reports = reports;
  }

  join(channel: string): void {
    this.#wish(channel, true);
  }

  leave(channel: string): void {
    const subscription = this.#channels.get(channel);
    if (subscription === undefined) return;
    this.#wish(channel, false);
    if (this.#isAway) this.#giveUp(channel, subscription);
  }

  /** The broker is away. */
  lost(): void {
    this.#isAway = true;
    for (const [channel, subscription] of this.#channels) this.#giveUp(channel, subscription);
  }

  /** It is back. */
  restored(): void {
    this.#isAway = false;
    this.retry();
  }

  /** Resolves when packets of the channel arrive, or nobody wants them any more; never for one that nobody has joined. */
  joined(channel: string): Promise<void> {
    const subscription = this.#channels.get(channel);
    if (subscription?.isSubscribed && !subscription.isSettling) return Promise.resolve();
    return new Promise((resolve) => subscription?.waiting.push(resolve));
  }

  /** Tries again what has failed. */
  retry(): void {
    for (const [channel, subscription] of this.#channels) {
      if (!subscription.isSettling) void this.#settle(channel, subscription);
    }
  }

  #wish(channel: string, wanted: boolean): void {
    let subscription = this.#channels.get(channel);
    if (subscription === undefined) {
      subscription = { wanted, isSubscribed: false, isSettling: false, isGivenUp: false, waiting: [] };
      this.#channels.set(channel, subscription);
    }
    subscription.wanted = wanted;
    if (!subscription.isSettling) void this.#settle(channel, subscription);
  }

  async #settle(channel: string, subscription: Subscription): Promise<void> {
    subscription.isSettling = true;
    while (subscription.wanted !== subscription.isSubscribed) {
      if (!(await this.#ask(channel, subscription))) break;
    }
    subscription.isSettling = false;
    if (!subscription.wanted) this.#channels.delete(channel);
    else if (!subscription.isSubscribed) return;
    for (const resolve of subscription.waiting.splice(0)) resolve();
  }

  /** False for what failed: it is tried again later. */
  async #ask(channel: string, subscription: Subscription): Promise<boolean> {
    const { wanted } = subscription;
    subscription.isGivenUp = false;
    try {
      await (wanted ? this.#engine.subscribe(channel) : this.#engine.unsubscribe(channel));
    } catch (error) {
      this.#reports.failed(error, 'subscribe');
      // One that will not be left costs only its packets.
      if (!wanted) subscription.isSubscribed = false;
      return !wanted;
    }
    subscription.isSubscribed = wanted && !subscription.isGivenUp;
    return true;
  }

  /**
   * Ends a subscription that waits for the broker and is no longer wanted. Else it would be remembered for as long as the broker is
   * away, and so would every other that came and went.
   */
  #giveUp(channel: string, subscription: Subscription): void {
    const { wanted, isSettling, isSubscribed, isGivenUp } = subscription;
    if (wanted || !isSettling || isSubscribed || isGivenUp) return;
    subscription.isGivenUp = true;
    this.#engine.unsubscribe(channel).catch((error: unknown) => this.#reports.failed(error, 'subscribe'));
  }
}
