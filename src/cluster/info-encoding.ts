import { infoName, type InfoClasses } from '../clause/info-class.js';
import type { InfoClass } from '../clause/pattern.js';
import { InfoEncodeError } from '../websock/errors.js';
import { describeThrown } from '../websock/thrown.js';
import type { ByteReader } from './bytes.js';
import { isSlicing, type InfoCodec, type SlicingCodec } from './info-codec.js';
import { isInstance } from './info-form.js';
import { HAS_CLASS, HAS_EXCEPTION, type EncodedInfo } from './packet.js';

/** Messages to bytes and back: the codec, and the classes that handlers know beside it. */
export class InfoEncoding {
  readonly #codec: InfoCodec;
  readonly #slicing: SlicingCodec | undefined;
  readonly #classes: InfoClasses;
  /** Who does not get the message that was read last. */
  except: string | undefined;

  constructor(codec: InfoCodec, classes: InfoClasses) {
    this.#codec = codec;
    this.#slicing = isSlicing(codec) ? codec : undefined;
    this.#classes = classes;
  }

  /**
   * @param except who does not get it, on another node
   * @throws InfoEncodeError
   */
  encode(message: unknown, except?: string): EncodedInfo {
    const className = this.#classNameOf(message);
    // Codecs need not know what classes are.
    const value = className === undefined ? message : { ...(message as object) };
    return { bytes: this.encodeValue(value), className, except };
  }

  /** @throws InfoEncodeError */
  encodeValue(value: unknown): Uint8Array {
    let bytes: unknown;
    try {
      bytes = this.#codec.encode(value);
    } catch (error) {
      if (error instanceof InfoEncodeError) throw error;
      throw new InfoEncodeError(describeThrown(error), { cause: error });
    }
    if (bytes instanceof Uint8Array) return bytes;
    throw new InfoEncodeError('the codec made no bytes of it');
  }

  /** Reads the next message of a packet. Throws what the codec throws, at the end of the message all the same. */
  read(reader: ByteReader): unknown {
    const header = reader.varint();
    const className = header & HAS_CLASS ? reader.text() : undefined;
    this.except = header & HAS_EXCEPTION ? reader.text() : undefined;
    const length = Math.floor(header / 4);
    const start = reader.skip(length);
    const value = this.#decode(reader.bytes, start, start + length);
    return className === undefined ? value : this.#revive(className, value);
  }

  decodeValue(bytes: Uint8Array): unknown {
    return this.#codec.decode(bytes);
  }

  #decode(packet: Buffer, start: number, end: number): unknown {
    if (this.#slicing !== undefined) return this.#slicing.decodeSlice(packet, start, end);
    return this.#codec.decode(packet.subarray(start, end));
  }

  /** That of an instance, also of a class that only other nodes have handlers for. */
  #classNameOf(message: unknown): string | undefined {
    if (typeof message !== 'object' || message === null) return undefined;
    const prototype = Object.getPrototypeOf(message) as object | null;
    if (prototype === Object.prototype || prototype === Array.prototype) return undefined;
    const known = this.#classes.nameOf(message);
    if (known !== undefined || !isInstance(message)) return known;
    const own = ownInfoName(message);
    // Another class has that name: its handlers are not for this one, here or elsewhere.
    return own === undefined || this.#classes.classOf(own) !== undefined ? undefined : own;
  }

  /** An instance as it was, its constructor not called; as it came where no handler here knows the class. */
  #revive(className: string, value: unknown): unknown {
    const infoClass = this.#classes.classOf(className);
    if (infoClass === undefined || typeof value !== 'object' || value === null) return value;
    return Object.setPrototypeOf(value, infoClass.prototype as object) as unknown;
  }
}

/** Undefined for what has no class, or one without a name. */
function ownInfoName(message: object): string | undefined {
  const { constructor } = message as { constructor?: unknown };
  return typeof constructor === 'function' && constructor.name !== ''
    ? infoName(constructor as InfoClass)
    : undefined;
}
