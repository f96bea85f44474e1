import { ByteReader, ByteWriter } from './bytes.js';

/** An entry on the wire; the meta as the cluster's codec encoded it, its `phx_ref` inside. */
export type SentEntry = readonly [topic: string, key: string, meta: Uint8Array];

/** What has changed from the version before; `leaves` by `phx_ref`. */
export type Delta = readonly [
  'delta',
  version: number,
  joins: readonly SentEntry[],
  leaves: readonly string[],
];

/**
 * What presence sends to its like on other nodes. A version counts the deltas that a node has sent.
 *
 * - `delta` to all, when the tick is over
 * - `beat` with every heartbeat: the version now
 * - `digest`: the same, at once; on `ask` the receiver answers with its own
 * - `pull`: asks for `state`, all entries of the node at a version, in so many parts
 */
export type PresenceMessage =
  | Delta
  | readonly ['beat' | 'digest' | 'ask', version: number]
  | readonly ['pull']
  | readonly ['state', version: number, part: number, parts: number, entries: readonly SentEntry[]];

/** A kind is its place here: new ones come last. */
const KINDS = ['delta', 'beat', 'digest', 'ask', 'pull', 'state'] as const;

export function writePresence(message: PresenceMessage): Buffer {
  const writer = new ByteWriter().byte(KINDS.indexOf(message[0]));
  switch (message[0]) {
    case 'pull':
      break;
    case 'delta':
      writeEntries(writer.varint(message[1]), message[2]).varint(message[3].length);
      for (const ref of message[3]) writer.text(ref);
      break;
    case 'state':
      writeEntries(writer.varint(message[1]).varint(message[2]).varint(message[3]), message[4]);
      break;
    default:
      writer.varint(message[1]);
  }
  return writer.toBuffer();
}

/**
 * Undefined for a kind that a later version has.
 *
 * @throws RangeError, SyntaxError for anything else
 */
export function readPresence(bytes: Uint8Array): PresenceMessage | undefined {
  const reader = new ByteReader(bytes);
  const kind = KINDS[reader.byte()];
  switch (kind) {
    case undefined:
      return undefined;
    case 'pull':
      return ['pull'];
    case 'delta':
      return [kind, reader.varint(), readEntries(reader), readList(reader, () => reader.text())];
    case 'state':
      return [kind, reader.varint(), ...readPart(reader), readEntries(reader)];
    default:
      return [kind, reader.varint()];
  }
}

function writeEntries(writer: ByteWriter, entries: readonly SentEntry[]): ByteWriter {
  writer.varint(entries.length);
  for (const [topic, key, meta] of entries) writer.text(topic).text(key).varint(meta.length).bytes(meta);
  return writer;
}

function readEntries(reader: ByteReader): SentEntry[] {
  return readList(reader, () => [reader.text(), reader.text(), readBytes(reader)]);
}

function readBytes(reader: ByteReader): Uint8Array {
  const length = reader.varint();
  const start = reader.skip(length);
  return reader.bytes.subarray(start, start + length);
}

function readPart(reader: ByteReader): [part: number, parts: number] {
  const [part, parts] = [reader.varint(), reader.varint()];
  if (part >= parts) throw new SyntaxError('presence: a part behind the last');
  return [part, parts];
}

/** Each item takes a byte at least, or the reader throws: no loop is longer than the packet. */
function readList<T>(reader: ByteReader, readItem: () => T): T[] {
  const list: T[] = [];
  for (let count = reader.varint(); count > 0; count--) list.push(readItem());
  return list;
}
