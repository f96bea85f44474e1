import type { DeflateOptions } from '../websock/options.js';
import { SharedDeflate } from './shared-deflate.js';
import { deflateParameters } from './ws-internals.js';
import type { HostedWebSocket } from './ws-socket.js';

/** Options may differ from upgrade to upgrade: what nobody asks for any more must not pile up. */
const KEPT = 100;
/** Of zlib, and of permessage-deflate where nothing else was agreed on. */
const WINDOW_BITS = 15;

/** One for all connections that compress alike. */
export class SharedDeflates {
  readonly #known = new Map<string, SharedDeflate>();

  /** Undefined where `ws` does not compress, or what it compresses leans on what went before. */
  of(ws: HostedWebSocket, { zlibDeflateOptions, threshold }: DeflateOptions): SharedDeflate | undefined {
    const parameters = deflateParameters(ws);
    if (parameters?.server_no_context_takeover !== true) return undefined;
    const { server_max_window_bits: windowBits = WINDOW_BITS } = parameters;
    const key = JSON.stringify([windowBits, zlibDeflateOptions, threshold]);
    let deflate = this.#known.get(key);
    if (deflate === undefined) {
      if (this.#known.size >= KEPT) this.#known.clear();
      this.#known.set(key, (deflate = new SharedDeflate(windowBits, zlibDeflateOptions, threshold)));
    }
    return deflate;
  }
}
