import { constants, deflateRawSync, type ZlibOptions } from 'node:zlib';

/** What zlib's sync flush ends with, and a compressed frame does not have (RFC 7692 §7.2.1). */
const FLUSHED = Buffer.from([0x00, 0x00, 0xff, 0xff]);
/** Longer messages are always compressed on another thread: this one would stand still for milliseconds. */
const COMPRESSED_AT_MOST = 65_536;
/** Handing shorter ones to another thread takes about as long as compressing them. */
const QUICK = 16_384;
const THRESHOLD = 1_024;

/**
 * What connections with equal settings of permessage-deflate have in common. Only for those with `server_no_context_takeover`
 * (RFC 7692 §7.1.1.1): each message is compressed by itself, so one serves all. Under takeover the client's window must hold what ws
 * believes it holds, which this would change: the next message would inflate to something else.
 */
export class SharedDeflate {
  readonly #settings: ZlibOptions;
  readonly #threshold: number;

  constructor(windowBits: number, settings: ZlibOptions = {}, threshold = THRESHOLD) {
    this.#settings = { ...settings, windowBits, info: false, finishFlush: constants.Z_SYNC_FLUSH };
    this.#threshold = threshold;
  }

  /** Does ws send it uncompressed? */
  skips(message: string | Uint8Array): boolean {
    return Buffer.byteLength(message) < this.#threshold;
  }

  /** Is it worth compressing here for a single connection? */
  isQuick(message: string | Uint8Array): boolean {
    return Buffer.byteLength(message) <= QUICK;
  }

  /**
   * The payload of a compressed frame. Undefined where it would take too long, and where zlib fails: ws, which then tries, knows
   * what to do.
   */
  compress(message: string | Uint8Array): Uint8Array | undefined {
    if (Buffer.byteLength(message) > COMPRESSED_AT_MOST) return undefined;
    try {
      const flushed = deflateRawSync(message, this.#settings);
      const end = flushed.length - FLUSHED.length;
      return flushed.subarray(end).equals(FLUSHED) ? flushed.subarray(0, end) : undefined;
    } catch {
      return undefined;
    }
  }
}
