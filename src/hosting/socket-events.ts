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

/** Whose functions on the emitters are: those of listeners, and those of `on…` properties. Which are still there the emitter knows. */
const listeners = new WeakMap<Emitted, SocketEventListener>();
const attributes = new WeakMap<Emitted, SocketEventHandler>();

/** An emitter whose events can also be had as in a browser: `addEventListener`, and properties such as `onmessage`. */
export class SocketEventTarget extends EventEmitter {
  /** Calls `listener` with each event of a type: `message`, `close`, `error`; others never come. */
  addEventListener(type: string, listener: SocketEventListener, { once = false } = {}): void {
    if (!(type in EVENTS) || this.#addedFor(type, listener) !== undefined) return;
    const added = this.#teller(type, listener);
    listeners.set(added, listener);
    if (once) this.once(type, added);
    else this.on(type, added);
  }

  /** No longer does. */
  removeEventListener(type: string, listener: SocketEventListener): void {
    const added = this.#addedFor(type, listener);
    if (added !== undefined) this.off(type, added);
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

  #addedFor(type: string, listener: SocketEventListener): Emitted | undefined {
    return this.#added(type).find((added) => listeners.get(added) === listener);
  }

  #attribute(type: string): SocketEventHandler | null {
    return attributes.get(this.#addedForAttribute(type)!) ?? null;
  }

  #setAttribute(type: string, listener: SocketEventHandler | null): void {
    const previous = this.#addedForAttribute(type);
    if (previous !== undefined) this.off(type, previous);
    if (typeof listener !== 'function') return;
    const added = this.#teller(type, listener);
    attributes.set(added, listener);
    this.on(type, added);
  }

  #addedForAttribute(type: string): Emitted | undefined {
    return this.#added(type).find((added) => attributes.has(added));
  }

  #added(type: string): Emitted[] {
    return this.listeners(type) as Emitted[];
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
