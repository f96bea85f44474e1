import { Duplex } from 'node:stream';
import type { UwsBytes, UwsResponse } from './uws-app.js';
import { readResponse, type WrittenResponse } from './http-response.js';
import { remoteAddressOf } from './uws-request.js';

type Headers = readonly (readonly [name: string, value: string])[];

/** uWS writes these itself. */
const OF_UWS = new Set(['connection', 'content-length', 'date', 'keep-alive', 'transfer-encoding']);

const ASCII = /^[\x00-\x7f]*$/;

/**
 * Stands in for the socket of an upgrade request, while the app decides: what is written to it, an ordinary response, goes out
 * through uWS when it is ended.
 */
export class UwsSocket extends Duplex {
  readonly remoteAddress: string | undefined;
  readonly remoteFamily?: 'IPv4' | 'IPv6';
  readonly #response: UwsResponse;
  readonly #context: unknown;
  readonly #written: Buffer[] = [];
  /** The response is answered, upgraded or aborted: uWS throws for whatever is done with it. */
  #isOver = false;

  /** @param context of an `upgrade` handler; undefined: this cannot be upgraded */
  constructor(
    response: UwsResponse,
    context: unknown,
    readonly encrypted: boolean,
  ) {
    super({ emitClose: true });
    this.#response = response;
    this.#context = context;
    this.remoteAddress = remoteAddressOf(response);
    if (this.remoteAddress !== undefined)
      this.remoteFamily = this.remoteAddress.includes(':') ? 'IPv6' : 'IPv4';
    response.onAborted(() => {
      this.#isOver = true;
      this.destroy();
    });
  }

  /** Can it become a WebSocket? */
  get isUpgradable(): boolean {
    return this.#context !== undefined && !this.#isOver;
  }

  /** Sends the 101, with headers of the app's. uWS opens the WebSocket within this call, and gives it the properties of `data`. */
  upgrade(
    data: object,
    handshake: { key: string; protocol: string; extensions: string },
    headers: Headers,
  ): void {
    this.#isOver = true;
    this.#response.cork(() => {
      this.#response.writeStatus('101 Switching Protocols');
      this.#writeHeaders(headers);
      const { key, protocol, extensions } = handshake;
      this.#response.upgrade(data, key, protocol, extensions, this.#context);
    });
    this.destroy();
  }

  // What apps ask of a socket; there is nothing to set.

  setTimeout(): this {
    return this;
  }

  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }

  address(): object {
    return {};
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.#written.push(chunk);
    done();
  }

  override _final(done: () => void): void {
    this.#respond(readResponse(Buffer.concat(this.#written)));
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    if (!this.#isOver) {
      this.#isOver = true;
      this.#response.close();
    }
    done(error);
  }

  #respond(written: WrittenResponse | undefined): void {
    if (this.#isOver || written === undefined) return;
    this.#isOver = true;
    this.#response.cork(() => {
      this.#response.writeStatus(written.status);
      this.#writeHeaders(written.headers.filter(([name]) => !OF_UWS.has(name)));
      this.#response.end(written.body, true);
    });
  }

  #writeHeaders(headers: Headers): void {
    for (const [name, value] of headers) this.#response.writeHeader(name, asLatin1(value));
  }
}

/** Header values are latin1 (RFC 9110 §5.5), as Node writes them; uWS would write UTF-8. */
function asLatin1(value: string): UwsBytes {
  return ASCII.test(value) ? value : Buffer.from(value, 'latin1');
}
