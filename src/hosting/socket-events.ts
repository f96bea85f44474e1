/** An event as `addEventListener` and the `on…` properties give it (WHATWG WebSockets, as far as ws has it). */
export interface SocketEvent {
  readonly type: string;
  readonly target: unknown;
}

export interface SocketMessageEvent extends SocketEvent {
  /** A string, or what `binaryType` says. */
  readonly data: unknown;
}

export interface SocketCloseEvent extends SocketEvent {
  readonly code: number;
  readonly reason: string;
  readonly wasClean: boolean;
}

export interface SocketErrorEvent extends SocketEvent {
  readonly error: Error;
  readonly message: string;
}

/** A listener of events: a function, or an object with `handleEvent`. */
export type SocketEventListener = ((event: any) => void) | { handleEvent(event: any): void };

type Emitted = (...args: any[]) => void;
type MakeEvent = (...args: any[]) => object;

/** What `emit` gives to listeners, as an event. Other events have no such form. */
export const EVENTS: Readonly<Record<string, MakeEvent>> = {
  open: () => ({}),
  message: (data: Buffer, isBinary: boolean) => ({ data: isBinary ? data : data.toString() }),
  close: (code: number, reason: Buffer) => ({ code, reason: reason.toString(), wasClean: code !== 1006 }),
  error: (error: Error) => ({ error, message: error.message }),
};

/** A function for `on` that hands an event to a listener. */
export function eventually(target: object, type: string, listener: SocketEventListener): Emitted {
  const make = EVENTS[type]!;
  return (...args) => {
    const event = { type, target, ...make(...args) };
    if (typeof listener === 'function') listener.call(target, event);
    else listener.handleEvent(event);
  };
}
