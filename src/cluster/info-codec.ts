import type { Packr } from 'msgpackr';
import { deserialize, serialize } from 'node:v8';
import { InfoEncodeError, MissingPackageError } from '../websock/errors.js';
import { isWellFormed } from '../websock/topic.js';
import { describeFault, formOf } from './info-form.js';

/**
 * How messages travel between nodes. All nodes must have the same. What `encode` throws reaches the sender as the `cause` of a
 * `WEBSOCK_INFO_ENCODE`; what `decode` throws drops the message, reported as an `EngineError`.
 */
export interface InfoCodec {
  /** The bytes are the cluster's to keep. Throws for what it has no form for. */
  encode(value: unknown): Uint8Array;
  /** The value that another node encoded. Throws for anything else; it may keep the bytes. */
  decode(bytes: Uint8Array): unknown;
}

/** A codec that decodes a part of a packet without making an object for it. */
export interface SlicingCodec extends InfoCodec {
  decodeSlice(packet: Buffer, start: number, end: number): unknown;
}

export function isSlicing(codec: InfoCodec): codec is SlicingCodec {
  return typeof (codec as Partial<SlicingCodec>).decodeSlice === 'function';
}

/** In front of text: MessagePack never uses it. */
const TEXT = 0xc1;
/** Node's own serialization begins with it. In MessagePack it is -1, a message of one byte. */
const CLONE = 0xff;

/**
 * The default: MessagePack through msgpackr, and for what MessagePack does not keep (`Map`, `Set`, typed arrays, `-0`, references to
 * one object, cycles, lone surrogates, …) Node's structured clone.
 *
 * @throws MissingPackageError when msgpackr is not installed
 */
export async function loadInfoCodec(): Promise<SlicingCodec> {
  return new MessagePackInfo(await loadPackr());
}

class MessagePackInfo implements SlicingCodec {
  readonly #packr: Packr;

  constructor(packr: Packr) {
    this.#packr = packr;
  }

  encode(value: unknown): Uint8Array {
    if (typeof value === 'string' && isWellFormed(value)) return encodeText(value);
    switch (formOf(value)) {
      case 'plain':
        return this.#packr.pack(value);
      case 'clone':
        return encodeClone(value);
      case 'none':
        throw new InfoEncodeError(describeFault(value));
    }
  }

  decode(bytes: Uint8Array): unknown {
    return this.decodeSlice(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length), 0, bytes.length);
  }

  decodeSlice(packet: Buffer, start: number, end: number): unknown {
    const token = packet[start];
    if (token === TEXT) return packet.toString('utf8', start + 1, end);
    try {
      // MessagePack's end of 0 would be the packet's.
      if (start === end) throw new SyntaxError('no bytes');
      if (token === CLONE && end > start + 1) return deserialize(packet.subarray(start, end));
      return this.#packr.unpack(packet, { start, end }) as unknown;
    } catch (cause) {
      // Not in their words: those quote the message.
      throw new SyntaxError('the message cannot be read', { cause });
    }
  }
}

function encodeText(text: string): Buffer {
  const length = Buffer.byteLength(text);
  const bytes = Buffer.allocUnsafe(length + 1);
  bytes[0] = TEXT;
  bytes.write(text, 1);
  return bytes;
}

function encodeClone(value: unknown): Buffer {
  try {
    return serialize(value);
  } catch (error) {
    throw new InfoEncodeError((error as Error).message, { cause: error });
  }
}

async function loadPackr(): Promise<Packr> {
  try {
    const { Packr: PackrClass } = await import('msgpackr');
    return new PackrClass({ useRecords: false, mapsAsObjects: true, moreTypes: false, useToJSON: false });
  } catch (error) {
    const { code = '' } = error as { code?: string };
    // As ES modules and CommonJS say it.
    if (!code.endsWith('MODULE_NOT_FOUND')) throw error;
    throw new MissingPackageError(
      'msgpackr',
      'the codec of the cluster needs the package msgpackr: npm install msgpackr',
      {
        cause: error,
      },
    );
  }
}
