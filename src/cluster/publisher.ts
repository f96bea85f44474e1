import { EngineError } from '../websock/errors.js';
import type { Engine } from '../pubsub/engine.js';
import type { EngineReports } from './engine-reports.js';

/** So many bytes may be with the engine and not confirmed: a broker that does not keep up must not fill the memory. */
const MAX_UNCONFIRMED = 64 * 1024 * 1024;

/** Hands packets to the engine, and never throws: what fails is reported and counted. */
export class Publisher {
  readonly #engine: Engine;
  readonly #reports: EngineReports;
  #unconfirmed = 0;
  #packets = 0;
  #onIdle: (() => void)[] = [];
  /** The broker is known to be away. */
  isAway = false;

  constructor(engine: Engine, reports: EngineReports) {
    this.#engine = engine;
    this.#reports = reports;
  }

  /** Publishes a packet of so many of the app's messages. `onFailure` runs when it has not left, after this function has returned. */
  publish(channel: string, packet: Uint8Array, messages: number, onFailure?: () => void): void {
    const { length } = packet;
    this.#unconfirmed += length;
    this.#packets++;
    this.#hand(channel, packet).then(
      () => this.#settle(length),
      (error: unknown) => {
        this.#settle(length);
        // Heartbeats fail as often as they are due: nobody need hear of it again and again.
        if (messages > 0 || !this.isAway) this.#reports.failed(error, 'publish', messages);
        onFailure?.();
      },
    );
  }

  /** When nothing is on its way to the broker. */
  idle(): Promise<void> {
    if (this.#packets === 0) return Promise.resolve();
    return new Promise((resolve) => this.#onIdle.push(resolve));
  }

  #hand(channel: string, packet: Uint8Array): Promise<void> {
    if (this.#unconfirmed > MAX_UNCONFIRMED) {
      const waits = `${MAX_UNCONFIRMED} bytes wait for the broker: it does not keep up`;
      return Promise.reject(new EngineError('publish', `${this.#engine.name}: ${waits}`));
    }
    try {
      return this.#engine.publish(channel, packet);
    } catch (error) {
      return Promise.reject(error as Error);
    }
  }

  #settle(length: number): void {
    this.#unconfirmed -= length;
    this.#packets--;
    if (this.#packets > 0) return;
    for (const resolve of this.#onIdle.splice(0)) resolve();
  }
}
