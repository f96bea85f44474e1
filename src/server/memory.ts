import type { LiveConnection } from '../connection/live-connection.js';
import type { ConnectionOwner, ConnectionSpec } from '../connection/opening.js';
import type { ConnectionRegistry } from '../connection/registry.js';
import { NO_STATUS_RECEIVED } from '../websock/close.js';
import type { ProtocolError } from '../websock/errors.js';
import type { ControlMessage, DataMessage, RawMessage } from '../websock/message.js';
import { MemoryTransport, type MemoryPeer } from './memory-transport.js';
import { bytesOf } from './memory-wire.js';

/** What a memory client does by itself, as any WebSocket client would. */
export interface MemoryClientOptions {
  /** Answer pings. Default true. */
  autoPong?: boolean;
  /** Answer the server's close frame, which completes the closing handshake. Default true. */
  autoClose?: boolean;
}

/** The client's end of a connection without a socket. It speaks messages, not frames; {@link MemoryTransport} says when what arrives. */
export class MemoryClient {
  readonly #options: MemoryClientOptions;
  #transport!: MemoryTransport;
  #closeSent = false;

  constructor(options: MemoryClientOptions = {}) {
    this.#options = options;
  }

  /** Sends a message, in one frame. One that is too large, or that is no good, is a violation. */
  send(message: RawMessage): void {
    this.#transport.receive(message);
  }

  /** Sends a close frame; without a code it is empty. A code or reason that may not be sent is a violation. */
  close(code?: number, reason: string | Uint8Array = ''): void {
    this.#closeSent = true;
    this.#transport.receiveClose(code, bytesOf(reason));
  }

  /** Breaks the protocol in a way that no message can: the server closes with `error.closeCode`. */
  violate(error: ProtocolError): void {
    this.#transport.receiveViolation(error);
  }

  /** Hangs up: FIN, behind what was sent. */
  end(): void {
    this.#transport.receiveEnd();
  }

  /** Vanishes: RST. */
  reset(): void {
    this.#transport.receiveReset();
  }

  /** Takes nothing any more: what the server sends waits in its `bufferedAmount`. */
  pause(): void {
    this.#transport.setPeerReads(false);
  }

  /** Takes everything again. */
  resume(): void {
    this.#transport.setPeerReads(true);
  }

  /** While paused, takes so many of the bytes that wait, frame headers included. A message arrives with its last byte. */
  read(bytes: number): void {
    this.#transport.take(bytes);
  }

  /** For the server: joins the two ends. */
  attach(transport: MemoryTransport): void {
    this.#transport = transport;
  }

  /** For the server: what the transport's peer is, with what this client does by itself. */
  asPeer(peer: MemoryPeer): MemoryPeer {
    return {
      receiveMessage: (message) => {
        peer.receiveMessage(message);
        this.#pong(message);
      },
      receiveClose: (code, reason) => {
        peer.receiveClose(code, reason);
        if (this.#options.autoClose !== false && !this.#closeSent)
          this.close(code === NO_STATUS_RECEIVED ? undefined : code);
      },
      ended: () => peer.ended(),
    };
  }

  #pong([opcode, data]: DataMessage | ControlMessage): void {
    if (opcode === 'ping' && this.#options.autoPong !== false) this.send(['pong', data]);
  }
}

/** Both ends of a connection in memory. */
export interface MemoryConnection {
  readonly connection: LiveConnection;
  readonly client: MemoryClient;
}

/**
 * Opens connections to clients in the same process. It starts behind the upgrade and passes every case of the shared list that a
 * client can bring about with whole messages (test/conformance). What a wire server checks before the connection sees it is
 * checked here too: `maxMessageSize`, `maxFrameSize`, `validateUtf8`, the size of control frames, close codes.
 */
export class MemoryServer {
  readonly #registry: ConnectionRegistry;
  readonly #owner: ConnectionOwner | undefined;

  /** @param owner in place of the registry, for its clock; it passes on to the registry what it is told */
  constructor(registry: ConnectionRegistry, owner?: ConnectionOwner) {
    this.#registry = registry;
    this.#owner = owner;
  }

  /** Opens a connection; `peer` is told what the client receives. `connection.start()` runs its `init`. */
  open(spec: ConnectionSpec, peer: MemoryPeer, options?: MemoryClientOptions): MemoryConnection {
    const client = new MemoryClient(options);
    const connection = this.#registry.open(
      spec,
      (listener) => {
        const transport = new MemoryTransport(listener, client.asPeer(peer), spec.options);
        client.attach(transport);
        return transport;
      },
      this.#owner,
    );
    return { connection, client };
  }
}
