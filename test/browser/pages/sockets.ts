import { Log } from '../../support/log.js';
import { PATIENCE } from './patience.js';

/** The `close` event of a WebSocket, as the page gets it. */
export interface Closed {
  readonly code: number;
  readonly reason: string;
  readonly wasClean: boolean;
}

const closed = new Log<Closed>();

// In front of the client's script. Whoever makes a WebSocket from now on has it watched, and notices nothing.
globalThis.WebSocket = class extends WebSocket {
  constructor(...args: ConstructorParameters<typeof WebSocket>) {
    super(...args);
    this.addEventListener('close', ({ code, reason, wasClean }) => closed.add({ code, reason, wasClean }));
  }
};

/** The next that has ended. */
export const nextClosed = () => closed.next(PATIENCE);
