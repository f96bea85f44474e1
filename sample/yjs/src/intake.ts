import type { WSSharedDoc } from '@y/websocket-server/utils';
import { createDecoder, readVarUint, readVarUint8Array, type Decoder } from 'lib0/decoding';
import { createEncoder, toUint8Array, writeVarUint, writeVarUint8Array } from 'lib0/encoding';
import type { HostedSocket } from 'nestjs-websock';
import { Changes } from './changes.js';
import { Speakers } from './speakers.js';

// The first number of a message of y-websocket, and the second of one that syncs.
const SYNC = 0;
const AWARENESS = 1;
const SYNC_STEP_1 = 0;
const UPDATE = 2;

/** How often a client may ask for all of a document, ms. y-websocket does once per connection. */
const ASKING = 1_000;

/** Bytes that wait for a client that does not read; more than a document has. */
const MAX_BACKLOG = 8_000_000;

/** A close code and a reason. y-websocket comes back after any code but 4400 to 4499. */
export type Refusal = readonly [code: number, reason: string];

const NONSENSE: Refusal = [4400, 'no message of y-websocket'];

/** The library's listener. */
type Give = (message: Uint8Array) => void;

/** Between the clients of a document and the library, which takes whatever comes, and sends whether or not anybody reads. */
export class Intake {
  private readonly changes: Changes;
  private readonly speakers: Speakers;
  /** When a connection has asked for the document. */
  private readonly asked = new WeakMap<HostedSocket, number>();
  private hasFailed = false;

  /** @param maxBytes of the document */
  constructor(
    private readonly shared: WSSharedDoc,
    maxBytes: number,
  ) {
    this.changes = new Changes(shared, maxBytes);
    this.speakers = new Speakers(shared);
    // Within the library's listener. The event is not in its types.
    shared.on('error' as 'load', () => (this.hasFailed = true));
  }

  /** Stands before the library's listener from now on. */
  guard(socket: HostedSocket): void {
    const [give] = socket.listeners('message') as [Give];
    socket.off('message', give);
    socket.on('message', (data: ArrayBuffer, isBinary: boolean) => {
      const refusal = isBinary ? this.take(socket, new Uint8Array(data), give) : NONSENSE;
      if (refusal !== undefined) socket.close(...refusal);
      this.dropSlowReaders();
    });
  }

  private take(socket: HostedSocket, message: Uint8Array, give: Give): Refusal | undefined {
    this.hasFailed = false;
    try {
      const decoder = createDecoder(message);
      const kind = readVarUint(decoder);
      if (kind === SYNC) return this.refusalOf(socket, decoder) ?? this.sync(message, give);
      if (kind !== AWARENESS) return NONSENSE;
      this.hear(socket, readVarUint8Array(decoder), give);
      return this.hasFailed ? NONSENSE : undefined;
    } catch {
      return NONSENSE;
    }
  }

  private refusalOf(socket: HostedSocket, decoder: Decoder): Refusal | undefined {
    const step = readVarUint(decoder);
    if (step === SYNC_STEP_1) return this.mayAsk(socket) ? undefined : [4429, 'asked too often'];
    if (step > UPDATE) return NONSENSE;
    const update = readVarUint8Array(decoder);
    if (!this.changes.hasRoomFor(update.length)) return [4413, 'the document is full'];
    return this.changes.isShallow(update) ? undefined : NONSENSE;
  }

  private sync(message: Uint8Array, give: Give): Refusal | undefined {
    give(message);
    if (this.changes.dropStranded()) return [1008, 'changes without their base'];
    return this.hasFailed ? NONSENSE : undefined;
  }

  private hear(socket: HostedSocket, update: Uint8Array, give: Give): void {
    const said = this.speakers.heard(update, socket);
    if (said === undefined) return;
    const encoder = createEncoder();
    writeVarUint(encoder, AWARENESS);
    writeVarUint8Array(encoder, said);
    give(toUint8Array(encoder));
  }

  /** An answer is as long as the document. */
  private mayAsk(socket: HostedSocket): boolean {
    const now = Date.now();
    const last = this.asked.get(socket) ?? -Infinity;
    this.asked.set(socket, now);
    return now - last >= ASKING;
  }

  /** What waits for them is in memory, as bytes more than as messages. They come back by themselves. */
  private dropSlowReaders(): void {
    for (const socket of this.shared.conns.keys() as Iterable<HostedSocket>)
      if (socket.bufferedAmount > MAX_BACKLOG) socket.terminate();
  }
}
