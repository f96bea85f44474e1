import type { Engine, EngineListener, EngineStage } from '../../src/redis.js';
import { Log } from '../support/log.js';

/** What an engine told its listener, but packets. */
export type EngineEvent = ['lost', unknown] | ['restored'] | ['failed', unknown, EngineStage];

/** A node's engine, and all that it says. */
export class EngineLog implements EngineListener {
  readonly events = new Log<EngineEvent>();
  /** By channel, in order. */
  readonly #packets = new Map<string, Log<Uint8Array>>();
  /** Of all channels. */
  received = 0;

  constructor(readonly engine: Engine) {}

  receive(channel: string, packet: Uint8Array): void {
    this.received += 1;
    this.on(channel).add(packet);
  }

  lost(error: unknown): void {
    this.events.add(['lost', error]);
  }

  restored(): void {
    this.events.add(['restored']);
  }

  failed(error: unknown, stage: EngineStage): void {
    this.events.add(['failed', error, stage]);
  }

  on(channel: string): Log<Uint8Array> {
    const log = this.#packets.get(channel) ?? new Log();
    this.#packets.set(channel, log);
    return log;
  }

  /** All that has come on a channel until, and without, the packet that says `last`. */
  async textsUntil(channel: string, last: string): Promise<string[]> {
    const log = this.on(channel);
    const texts: string[] = [];
    for (;;) {
      const text = asText(await log.next());
      if (text === last) return texts;
      texts.push(text);
    }
  }
}

export const asText = (packet: Uint8Array): string => Buffer.from(packet).toString();
