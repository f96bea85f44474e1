import type { WSSharedDoc } from '@y/websocket-server/utils';
import { createDecoder, readVarString, readVarUint } from 'lib0/decoding';
import { createEncoder, toUint8Array, writeVarString, writeVarUint } from 'lib0/encoding';

/** Whom a connection may bring; one is usual, tabs of one browser may tell of each other. */
const MAX_CLIENTS = 10;
/** What a client says of itself: a name, a color, a cursor. Characters of JSON. */
const MAX_STATE = 1_000;
/** How long one who has left is remembered at least, ms: until nobody sends back any more what was heard of him. */
const REMEMBERED = 60_000;

interface Said {
  readonly client: number;
  readonly clock: number;
  /** As JSON. */
  readonly state: string;
}

/**
 * Who speaks for whom. Clients send back what they hear of others, and the library would take whatever they say, of anybody. Here a client
 * is of the connection that brought it until that has ended, and of others a connection says nothing.
 */
export class Speakers {
  /** How many clients each connection has brought. */
  private readonly brought = new WeakMap<object, number>();
  private manyRemembered = 1_000;

  constructor(private readonly shared: WSSharedDoc) {}

  /**
   * What a connection says of its own clients, as an awareness update; undefined for nothing.
   *
   * @throws for what is no awareness update, too long, or of too many
   */
  heard(update: Uint8Array, connection: object): Uint8Array | undefined {
    const own = read(update).filter((said) => this.isOwn(said, connection));
    for (const { client, state } of own) {
      if (state.length > MAX_STATE) throw new Error('too much to say about oneself');
      this.bring(client, connection);
    }
    this.forgetThoseWhoLeft();
    return own.length > 0 ? write(own) : undefined;
  }

  private isOwn({ client, clock, state }: Said, connection: object): boolean {
    const { states, meta } = this.shared.awareness;
    if (this.shared.conns.get(connection)?.has(client)) return true;
    // Nobody's now. Of one who has left only what is new is no echo.
    return !states.has(client) && state !== 'null' && clock > (meta.get(client)?.clock ?? 0);
  }

  private bring(client: number, connection: object): void {
    const { awareness, conns } = this.shared;
    // The library removes those of a connection that has ended. It would forget one that comes back.
    conns.get(connection)?.add(client);
    if (awareness.meta.has(client)) return;
    const brought = (this.brought.get(connection) ?? 0) + 1;
    if (brought > MAX_CLIENTS) throw new Error('too many clients');
    this.brought.set(connection, brought);
  }

  /** The library remembers everybody who ever was there. */
  private forgetThoseWhoLeft(): void {
    const { states, meta } = this.shared.awareness;
    if (meta.size < this.manyRemembered) return;
    for (const [client, { lastUpdated }] of meta)
      if (!states.has(client) && Date.now() - lastUpdated > REMEMBERED) meta.delete(client);
    this.manyRemembered = Math.max(1_000, 2 * meta.size);
  }
}

function read(update: Uint8Array): Said[] {
  const decoder = createDecoder(update);
  const all: Said[] = [];
  for (let left = readVarUint(decoder); left > 0; left--) {
    const [client, clock] = [readVarUint(decoder), readVarUint(decoder)];
    // Written anew as the library will: what cannot be, or gets longer by it, shows here.
    all.push({ client, clock, state: JSON.stringify(JSON.parse(readVarString(decoder))) });
  }
  return all;
}

function write(all: readonly Said[]): Uint8Array {
  const encoder = createEncoder();
  writeVarUint(encoder, all.length);
  for (const { client, clock, state } of all) {
    writeVarUint(encoder, client);
    writeVarUint(encoder, clock);
    writeVarString(encoder, state);
  }
  return toUint8Array(encoder);
}
