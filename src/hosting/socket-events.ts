import { EventEmitter } from 'node:events';

/** A listener of events as a function: the only form that `onmessage` and its kin take. */
export type SocketEventHandler = (event: any) => void;

/** A listener of events: a function, or an object with the method. */
export type SocketEventListener = SocketEventHandler | SocketEventObject;

/** A listener that is an object. */
export interface SocketEventObject {
  /** Called with the event. */
  handleEvent(event: any): void;
}

type Emitted = (...args: any[]) => void;

/** What is emitted, as the properties of an event. What is not here has no such form. */
const EVENTS: Readonly<Record<string, (...args: any[]) => object>> = {
  open: () => ({}),
  message: (data: Buffer, isBinary: boolean) => ({ data: isBinary ? data : data.toString() }),
  close: (code: number, reason: Buffer) => ({ code, reason: reason.toString(), wasClean: code !== 1006 }),
  error: (error: Error) => ({ error, message: error.message }),
};

/** An emitter whose events can also be had as in a browser: `addEventListener`, and properties such as `onmessage`. */
export class SocketEventTarget extends EventEmitter {
  readonly #attributes = new Map<string, { readonly given: SocketEventHandler; readonly added: Emitted }>();
  readonly #listeners = new Map<SocketEventListener, Map<string, Emitted>>();

  /** Calls `listener` with each event of a type: `message`, `close`, `error`; others never come. */
  addEventListener(type: string, listener: SocketEventListener, { once = false } = {}): void {
    if (!(type in EVENTS)) return;
    const known = this.#listeners.get(listener) ?? new Map<string, Emitted>();
    if (known.has(type)) return;
    const told = this.#teller(type, listener);
    const added: Emitted = (...args) => {
      if (once) this.removeEventListener(type, listener);
      told(...args);
    };
    known.set(type, added);
    this.#listeners.set(listener, known);
    this.on(type, added);
  }

  /** No longer does. */
  removeEventListener(type: string, listener: SocketEventListener): void {
    const known = this.#listeners.get(listener);
    const added = known?.get(type);
    if (added === undefined) return;
    known!.delete(type);
    if (known!.size === 0) this.#listeners.delete(listener);
    this.off(type, added);
  }

  /** Never called: the socket is open already. */
  get onopen(): SocketEventHandler | null {
    return this.#attribute('open');
  }
  /** `null` takes the listener off, here and below. */
  set onopen(listener: SocketEventHandler | null) {
    this.#setAttribute('open', listener);
  }

  /** Called with `{ data }`: a string, or what `binaryType` says. */
  get onmessage(): SocketEventHandler | null {
    return this.#attribute('message');
  }
  /** Sets it. */
  set onmessage(listener: SocketEventHandler | null) {
    this.#setAttribute('message', listener);
  }

  /** Called with `{ code, reason, wasClean }`. */
  get onclose(): SocketEventHandler | null {
    return this.#attribute('close');
  }
  /** Sets it. */
  set onclose(listener: SocketEventHandler | null) {
    this.#setAttribute('close', listener);
  }

  /** Called with `{ error, message }`. */
  get onerror(): SocketEventHandler | null {
    return this.#attribute('error');
  }
  /** Sets it. */
  set onerror(listener: SocketEventHandler | null) {
    this.#setAttribute('error', listener);
  }

  #attribute(type: string): SocketEventHandler | null {
    return this.#attributes.get(type)?.given ?? null;
  }

  #setAttribute(type: string, listener: SocketEventHandler | null): void {
    const previous = this.#attributes.get(type);
    if (previous !== undefined) this.off(type, previous.added);
    this.#attributes.delete(type);
    if (typeof listener !== 'function') return;
    const added = this.#teller(type, listener);
    this.#attributes.set(type, { given: listener, added });
    this.on(type, added);
  }

  /** A function for `on` that hands an event to a listener. */
  #teller(type: string, listener: SocketEventListener): Emitted {
    const propertiesOf = EVENTS[type]!;
    return (...args) => {
      const event = { type, target: this, ...propertiesOf(...args) };
      if (typeof listener === 'function') listener.call(this, event);
      else listener.handleEvent(event);
    };
  }
}
