import { diag } from '@opentelemetry/api';

/** A channel of `diagnostics_channel`, as far as its listeners see it. */
interface Subscribable<E> {
  subscribe(listener: (event: E) => void): void;
  unsubscribe(listener: (event: E) => void): void;
}

/** Listeners that are taken away together. */
export class Subscriptions {
  readonly #undo: (() => void)[] = [];

  on<E>(channel: Subscribable<E>, listen: (event: E) => void): void {
    const listener = (event: E) => {
      try {
        listen(event);
      } catch (error) {
        // What a channel's listener throws would end the process.
        diag.error('nestjs-websock', error);
      }
    };
    channel.subscribe(listener);
    this.#undo.push(() => channel.unsubscribe(listener));
  }

  /** Something else that ends with them. */
  add(undo: () => void): void {
    this.#undo.push(undo);
  }

  end(): void {
    for (const undo of this.#undo.splice(0)) undo();
  }
}
