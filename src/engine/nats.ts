import type { Engine, EngineListener } from '../pubsub/engine.js';
import { ConfigError, EngineError } from '../websock/errors.js';
import { isNats, type NatsLike, type NatsStatusLike } from './nats-like.js';
import { NatsOutbox } from './nats-outbox.js';
import { isSubjectPrefix, subjectOf } from './nats-subject.js';
import { NatsSubscriptions } from './nats-subscriptions.js';
import { within } from './within.js';

/** How nodes speak to each other over NATS. */
export interface NatsEngineOptions {
  /** Yours, of `@nats-io/transport-node` or `nats`; make it with `maxReconnectAttempts: -1`. It is never closed. */
  connection: NatsLike;
  /** What subjects begin with; apps that share an account need different ones. Default `websock.`. */
  prefix?: string;
}

/** ms. */
export interface NatsTimes {
  /** How often the server is asked whether it is there. */
  readonly ping: number;
  /** How long it has to answer. */
  readonly answer: number;
}

const TIMES: NatsTimes = { ping: 5_000, answer: 10_000 };

/** How long the server has to answer `start`, `isHealthy` and `stop`, ms. */
const PATIENCE = 2_000;

/**
 * An engine over NATS (core, no JetStream): `cluster: { engine: nats({ connection }) }`.
 *
 * @throws ConfigError for a connection that is none of NATS.js, and for a bad prefix
 */
export function nats(options: NatsEngineOptions): Engine {
  return new NatsEngine(options);
}

/** @internal */
export class NatsEngine implements Engine {
  readonly name = 'nats';
  readonly #connection: NatsLike;
  readonly #prefix: string;
  readonly #times: NatsTimes;
  readonly #subscriptions: NatsSubscriptions;
  readonly #outbox: NatsOutbox;
  /** Set by `start`, gone with `stop`. */
  #listener: EngineListener | undefined;
  #isLost = false;
  #asking: Promise<void> | undefined;
  #endWatch = (): void => {};

  constructor({ connection, prefix = 'websock.' }: NatsEngineOptions, times: NatsTimes = TIMES) {
    if (!isNats(connection)) {
      throw new ConfigError(
        'WEBSOCK_ENGINE_CLIENT',
        'nats(): connection must be what connect() of @nats-io/transport-node or nats resolves with; is an await missing?',
      );
    }
    if (!isSubjectPrefix(prefix)) {
      throw new ConfigError(
        'WEBSOCK_OPTION_INVALID',
        `nats(): prefix must be tokens joined by dots, without wildcards and white space, got ${JSON.stringify(prefix)}`,
      );
    }
    this.#connection = connection;
    this.#prefix = prefix;
    this.#times = times;
    this.#outbox = new NatsOutbox(connection);
    this.#subscriptions = new NatsSubscriptions(connection, (error) => this.#fail(error));
  }

  async start(listener: EngineListener): Promise<void> {
    this.#listener = listener;
    this.#watch();
    await this.#ask(PATIENCE);
  }

  subscribe(channel: string): Promise<void> {
    const subject = subjectOf(this.#prefix, channel);
    const promise = this.#subscriptions.add(channel, subject, (packet) =>
      this.#listener?.receive(channel, packet),
    );
    // One question for all of a tick's.
    this.#asking ??= Promise.resolve().then(() => {
      this.#asking = undefined;
      return this.#ask(this.#times.answer);
    });
    return promise;
  }

  async unsubscribe(channel: string): Promise<void> {
    this.#subscriptions.remove(channel);
  }

  async publish(channel: string, packet: Uint8Array): Promise<void> {
    // The connection would keep it until it is back.
    if (this.#isLost || this.#listener === undefined) throw new EngineError('publish', 'NATS is away');
    await this.#outbox.publish(subjectOf(this.#prefix, channel), packet);
  }

  async isHealthy(): Promise<boolean> {
    if (this.#listener === undefined || this.#isLost) return false;
    // Not by #ask(): whoever asks for health in vain has lost nothing yet.
    return within(PATIENCE, this.#connection.flush()).then(
      () => !this.#isLost,
      () => false,
    );
  }

  async stop(): Promise<void> {
    if (!this.#isLost) await within(PATIENCE, this.#outbox.settled()).catch(() => {});
    this.#listener = undefined;
    this.#endWatch();
    this.#subscriptions.clear();
  }

  /** Asks the server to answer: it is there or not, and knows what is subscribed. Never rejects. */
  async #ask(patience: number): Promise<void> {
    const confirm = this.#subscriptions.unconfirmed();
    try {
      await within(patience, this.#connection.flush());
    } catch (error) {
      this.#down(error);
      return;
    }
    confirm();
    this.#up();
  }

  #watch(): void {
    const { ping, answer } = this.#times;
    const timer = setInterval(() => void this.#ask(answer), ping).unref();
    const status = this.#connection.status();
    this.#endWatch = () => {
      clearInterval(timer);
      // Not in its type, but in both versions.
      (status as { stop?(): void }).stop?.();
    };
    void this.#follow(status);
    void this.#connection.closed().then(
      (error) => this.#closed(error),
      (error: unknown) => this.#closed(error),
    );
  }

  async #follow(status: AsyncIterable<NatsStatusLike>): Promise<void> {
    for await (const event of status) {
      if (this.#listener === undefined) return;
      if (event.type === 'disconnect') this.#down(new Error('the connection is lost'));
      // Its subscriptions are on their way; the answer comes when the server has them.
      if (event.type === 'reconnect') void this.#ask(this.#times.answer);
      if (event.type === 'error') this.#forbidden(event);
    }
  }

  #closed(cause: unknown): void {
    this.#down(
      new Error('the connection is closed for good: connect() with maxReconnectAttempts: -1', { cause }),
    );
  }

  /** The server does not say no to a packet but afterwards, and to the connection. */
  #forbidden(event: object): void {
    const { error, permissionContext } = event as Record<string, { operation?: unknown; subject?: unknown }>;
    const { operation, subject } = permissionContext ?? error ?? {};
    if (operation !== 'publish' || typeof subject !== 'string' || !subject.startsWith(this.#prefix)) return;
    this.#listener?.failed(
      new EngineError('publish', `NATS refused a packet for ${subject}`, { cause: error }),
      'publish',
    );
  }

  #fail(error: EngineError): void {
    this.#listener?.failed(error, error.stage);
  }

  #up(): void {
    const wasLost = this.#isLost;
    this.#isLost = false;
    if (wasLost) this.#listener?.restored();
  }

  #down(cause: unknown): void {
    const wasLost = this.#isLost;
    this.#isLost = true;
    this.#outbox.fail(cause);
    if (!wasLost) this.#listener?.lost(new EngineError('connect', 'NATS is away', { cause }));
  }
}
