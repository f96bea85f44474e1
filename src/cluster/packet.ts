import { ByteReader, varintSize, writeVarint } from './bytes.js';

/** Every packet begins with it: others may use the same broker. */
const MAGIC = 0x57;
/** The next byte: what the packet is, and by that its version. Nodes drop what they do not know. */
const TOPIC_PACKET = 1;
const NODE_PACKET = 2;

/** As `ConnectionRegistry` makes them, and somewhat longer. */
const NODE_NAME = /^[\w-]{1,64}$/;

/** The messages of a tick and topic, from one node. */
export interface TopicPacket {
  /** Who publishes. */
  readonly node: string;
  /** The number with which the node began to count this topic's messages. */
  readonly base: number;
  /** The number of the first message here. */
  readonly first: number;
  readonly count: number;
  /** The messages, to be read `count` times with `readInfo`. */
  readonly infos: ByteReader;
}

/** A message as bytes. */
export interface EncodedInfo {
  readonly bytes: Uint8Array;
  /** The name of its class, where it has one that handlers know. */
  readonly className: string | undefined;
  /** The connection, of another node, that does not get it. */
  readonly except?: string | undefined;
}

/** In the two lowest bits of a message's length: what stands before its bytes. */
export const HAS_CLASS = 1;
export const HAS_EXCEPTION = 2;

/** Something between parts of the cluster. */
export interface NodePacket {
  readonly node: string;
  /** Which part of it. */
  readonly part: number;
  readonly body: Buffer;
}

/** Reads and writes packets, of one node. */
export class Packets {
  /** What its own packets go on with behind the first two bytes. */
  readonly #sender: Buffer;

  constructor(node: string) {
    const name = Buffer.from(node);
    this.#sender = Buffer.concat([Buffer.of(name.length), name]);
  }

  /** Whether a packet is this node's own, come back from the broker. Cheap. */
  isOwn(packet: Uint8Array): boolean {
    const sender = this.#sender;
    if (packet.length < sender.length + 2) return false;
    for (let i = 0; i < sender.length; i++) if (packet[i + 2] !== sender[i]) return false;
    return true;
  }

  /** One buffer for all messages. `size`: of them, as `infoSize` says it. */
  topicPacket(base: number, first: number, infos: readonly EncodedInfo[], size: number): Buffer {
    const head = varintSize(base) + varintSize(first) + varintSize(infos.length);
    const packet = Buffer.allocUnsafe(2 + this.#sender.length + head + size);
    let position = this.#writeHead(packet, TOPIC_PACKET);
    position = writeVarint(packet, position, base);
    position = writeVarint(packet, position, first);
    position = writeVarint(packet, position, infos.length);
    for (let i = 0; i < infos.length; i++) position = writeInfo(packet, position, infos[i]!);
    return packet;
  }

  nodePacket(part: number, body: Uint8Array): Buffer {
    const packet = Buffer.allocUnsafe(3 + this.#sender.length + body.length);
    const position = this.#writeHead(packet, NODE_PACKET);
    packet[position] = part;
    packet.set(body, position + 1);
    return packet;
  }

  #writeHead(packet: Buffer, kind: number): number {
    packet[0] = MAGIC;
    packet[1] = kind;
    packet.set(this.#sender, 2);
    return 2 + this.#sender.length;
  }
}

/** @throws RangeError, SyntaxError for anything else */
export function readTopicPacket(packet: Uint8Array): TopicPacket {
  const reader = new ByteReader(packet);
  const node = readHead(reader, TOPIC_PACKET);
  const base = reader.varint();
  const first = reader.varint();
  const count = reader.varint();
  // A message takes a byte at least: no loop is longer than the packet.
  if (base > first || count > packet.length) throw new SyntaxError('its numbers contradict each other');
  return { node, base, first, count, infos: reader };
}

/** @throws RangeError, SyntaxError for anything else */
export function readNodePacket(packet: Uint8Array): NodePacket {
  const reader = new ByteReader(packet);
  const node = readHead(reader, NODE_PACKET);
  return { node, part: reader.byte(), body: reader.rest() };
}

/** How many bytes a message takes in a packet. */
export function infoSize({ bytes, className, except }: EncodedInfo): number {
  let size = varintSize(bytes.length * 4) + bytes.length;
  if (className !== undefined) size += textSize(className);
  if (except !== undefined) size += textSize(except);
  return size;
}

/** Writes a message; returns where it ends. `InfoEncoding` reads it. */
export function writeInfo(packet: Buffer, start: number, { bytes, className, except }: EncodedInfo): number {
  const flags = (className === undefined ? 0 : HAS_CLASS) + (except === undefined ? 0 : HAS_EXCEPTION);
  let position = writeVarint(packet, start, bytes.length * 4 + flags);
  if (className !== undefined) position = writeText(packet, position, className);
  if (except !== undefined) position = writeText(packet, position, except);
  packet.set(bytes, position);
  return position + bytes.length;
}

function textSize(text: string): number {
  const length = Buffer.byteLength(text);
  return varintSize(length) + length;
}

function writeText(packet: Buffer, start: number, text: string): number {
  const position = writeVarint(packet, start, Buffer.byteLength(text));
  return position + packet.write(text, position);
}

function readHead(reader: ByteReader, kind: number): string {
  if (reader.byte() !== MAGIC || reader.byte() !== kind) throw new SyntaxError('it is no packet of ours');
  const length = reader.byte();
  const start = reader.skip(length);
  const node = reader.bytes.toString('latin1', start, start + length);
  // It goes into channels, references and the log.
  if (!NODE_NAME.test(node)) throw new SyntaxError('its node has no name');
  return node;
}
