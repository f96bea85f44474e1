import { setTimeout, clearTimeout } from 'node:timers';
import { PendingCall } from '../connection/call.js';
import type { CallOptions } from '../connection/connections.js';
import type { LiveConnection } from '../connection/live-connection.js';
import type { PubSub } from '../pubsub/pubsub.js';
import type { MemoryClient, MemoryConnection } from '../server/memory.js';
import type { MemoryPeer } from '../server/memory-transport.js';
import { telemetry, type CallbackError, type ConnectionStop } from '../telemetry/events.js';
import { ABNORMAL_CLOSURE, type CloseReason } from '../websock/close.js';
import type { ConnectionRef } from '../websock/connection.js';
import { ProtocolError } from '../websock/errors.js';
import { jsonCodec, type Codec } from '../websock/codec.js';
import type { Message, Payload } from '../websock/message.js';
import { Expectations, type Explanation, type ExpectOptions } from './expectations.js';
import { encoded } from './messages.js';
import { settled, type TestClock } from './test-clock.js';

/** What went wrong in a callback. */
export interface FailedCallback {
  /** `RoomHandler.say` */
  readonly method: string;
  /** What the callback threw or rejected with: any value. */
  readonly error: unknown;
}

/**
 * A connection to a handler, without a port: the test is its client, and the rest of the app, and the time. What the test does
 * reaches the handler at once: a synchronous callback has run when the method returns. An expectation awaits the others.
 */
export class HandlerConnection extends Expectations {
  /** The time of this connection. It stands still until it is advanced. */
  readonly clock: TestClock;
  /**
   * The topics: those of the app where it has `WebSockModule`, else its own. `room.pubsub.broadcast('room:lobby', message)` is what the
   * rest of the app does; `room.pubsub.messages('room:lobby')` takes what the handler broadcasts.
   */
  readonly pubsub: PubSub;
  readonly #autoClose: boolean;
  readonly #errors: FailedCallback[] = [];
  #client!: MemoryClient;
  #connection!: LiveConnection;
  #closeFrame: { code: number; reason: string } | undefined;
  #stop: ConnectionStop | undefined;

  /** @internal For `openHandler`. */
  constructor(clock: TestClock, pubsub: PubSub, options: ExpectOptions & { autoClose?: boolean }) {
    super(options);
    this.clock = clock;
    this.pubsub = pubsub;
    this.#autoClose = options.autoClose !== false;
  }

  /** The connection's reference, for `Connections.sendInfo` and `call`. */
  get ref(): ConnectionRef {
    return this.#connection.ref;
  }

  /** What callbacks threw or rejected with, `init` and `terminate` included. */
  get errors(): readonly FailedCallback[] {
    return this.#errors;
  }

  /** Why it ended, as `terminate` receives it (also where there is none, or `init` crashed); undefined until it has ended. */
  get terminated(): CloseReason | undefined {
    return this.#stop?.reason;
  }

  // The client

  /**
   * Sends a message: `room.send(text('hi'))`, or `room.send(json(value))` by the connection's codec. One that is too large, or
   * that is no good, is a violation, as on the wire.
   */
  send(message: Message): void {
    this.#client.send(encoded(message, this.codec));
  }

  /** Sends a ping; the pong that answers it is taken with `expectPush(pong(…))`. */
  ping(payload: Payload = null): void {
    this.send(['ping', payload]);
  }

  /** Sends a close frame, an empty one without a code. The handler's `terminate` gets `'remote'`. */
  close(code?: number, reason?: string): void {
    this.#client.close(code, reason);
  }

  /** Vanishes without a close frame, as a client does that loses its network. `terminate` gets `['error', 'closed']`. */
  drop(): void {
    this.#client.reset();
  }

  /** Breaks the protocol: the server closes with `closeCode`, 1002, 1007, 1008 or 1009. `terminate` gets `['error', ProtocolError]`. */
  violate(closeCode = 1002, message = 'a violation of the protocol'): void {
    this.#client.violate(new ProtocolError(closeCode, message));
  }

  /** Takes nothing any more, as a slow client: what is pushed waits in `connection.bufferedAmount`. */
  pause(): void {
    this.#client.pause();
  }

  /** Takes everything again. */
  resume(): void {
    this.#client.resume();
  }

  /** While paused, takes so many bytes of what waits, frame headers included (2, 4 or 10 bytes each). */
  read(bytes: number): void {
    this.#client.read(bytes);
  }

  // The rest of the app

  /** Sends the handler a message from elsewhere in the app: `handleInfo` runs in a microtask. */
  info(message: unknown): void {
    this.#connection.receiveInfo(message);
  }

  /**
   * Sends a message from elsewhere and resolves with the `term` of its `reply`. `timeout` is in ms of the clock, default
   * 5 000; within as much real time as expectations have, the call must have been answered.
   *
   * Rejects as `Connections.call` does; throws AssertionError when there is no answer in real time.
   */
  async call(
    message: unknown,
    { timeout = 5_000, within = this.within }: CallOptions & ExpectOptions = {},
  ): Promise<unknown> {
    const call = new PendingCall(this.ref, timeout, this.clock);
    this.#connection.receiveInfo(message, call);
    let timer: NodeJS.Timeout | undefined;
    const tooLate = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(this.fail('a reply', within)), within);
    });
    try {
      return await Promise.race([call.promise, tooLate]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** The server shuts down: `terminate` gets `'shutdown'`. */
  shutDown(code = 1012): void {
    this.#connection.shutDown(code);
  }

  // For openHandler

  /** @internal What the memory client tells. */
  asPeer(): MemoryPeer {
    return {
      receiveMessage: (message) => {
        this.clock.touch();
        this.addMessage(message);
      },
      receiveClose: (code, reason) => this.#receiveClose(code, reason.toString()),
      ended: () => {
        this.clock.touch();
        this.addClose(this.#closeFrame?.code ?? ABNORMAL_CLOSURE, this.#closeFrame?.reason ?? '');
      },
    };
  }

  /** @internal Runs `init`. */
  start({ connection, client }: MemoryConnection): void {
    this.#connection = connection;
    this.#client = client;
    telemetry.callbackError.subscribe(this.#onError);
    telemetry.connectionStop.subscribe(this.#onStop);
    connection.start();
  }

  protected get codec(): Codec {
    return this.#connection.codec ?? jsonCodec;
  }

  protected untilQuiet(): Promise<void> {
    return settled();
  }

  protected explain(): Explanation {
    const lines = this.#errors.map(({ method, error }) => `${method}() threw ${String(error)}`);
    return { lines, cause: this.#errors[0]?.error };
  }

  #receiveClose(code: number, reason: string): void {
    this.clock.touch();
    this.#closeFrame = { code, reason };
    // A client that does not answer would wait for the end until closeTimeout.
    if (!this.#autoClose) this.addClose(code, reason);
  }

  readonly #onError = (event: unknown): void => {
    const { ref, method, error } = event as CallbackError;
    if (ref === this.ref) this.#errors.push({ method, error });
  };

  readonly #onStop = (event: unknown): void => {
    if ((event as ConnectionStop).ref !== this.ref) return;
    this.#stop = event as ConnectionStop;
    telemetry.callbackError.unsubscribe(this.#onError);
    telemetry.connectionStop.unsubscribe(this.#onStop);
  };
}
