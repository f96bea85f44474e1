import { telemetry } from '../telemetry/events.js';
import type { Message } from '../websock/message.js';
import type { Subscriber } from './subscriber.js';

type Fastlane = (message: any) => Message;

/** What a function made that threw. */
const NOTHING = Symbol('nothing');

/** What fastlane functions make of one message of a topic: each is called once, and its message goes to all that gave it. */
export class Fastlanes {
  readonly #app: string;
  readonly #topic: string;
  readonly #message: unknown;
  readonly #made = new Map<Fastlane, Message | typeof NOTHING>();
  /** Those that are reported. */
  #failed: Set<Fastlane> | undefined;

  constructor(app: string, topic: string, message: unknown) {
    this.#app = app;
    this.#topic = topic;
    this.#message = message;
  }

  deliver(subscriber: Subscriber, fastlane: Fastlane): void {
    try {
      const made = this.#made.has(fastlane) ? this.#made.get(fastlane)! : this.#make(fastlane);
      // A message that cannot be sent to one may be good for another: codecs differ.
      if (made !== NOTHING) subscriber.receiveFastlane!(made);
    } catch (error) {
      this.#report(fastlane, error);
    }
  }

  #make(fastlane: Fastlane): Message {
    this.#made.set(fastlane, NOTHING);
    const made = fastlane(this.#message);
    this.#made.set(fastlane, made);
    return made;
  }

  #report(fastlane: Fastlane, error: unknown): void {
    this.#failed ??= new Set();
    if (this.#failed.has(fastlane)) return;
    this.#failed.add(fastlane);
    if (!telemetry.listenerError.hasSubscribers) return;
    const event = { app: this.#app, topic: this.#topic, ref: undefined, error };
    telemetry.listenerError.publish({ ...event, listener: 'fastlane' });
  }
}
