import type { IncomingHttpHeaders } from 'node:http';
import type { ParsedUrlQuery } from 'node:querystring';
import type { UpgradeRequest } from '../websock/request.js';

/** Whom the socket goes to. */
export interface Peer {
  /** The client's address, a trusted proxy's word included. */
  readonly remoteAddress: string | undefined;
}

/** The upgrade request as server libraries look at one of Node's. Node's own is not kept; a library may put properties of its own here. */
export class HostedRequest implements UpgradeRequest {
  /** As Node's: an upgrade is a GET. */
  readonly method = 'GET';
  /** As Node's `request.url`; may be rewritten, as Node's. */
  url: string;
  /** What is left of Node's socket: `remoteAddress`. */
  readonly socket: Peer;
  readonly #facts: UpgradeRequest;

  /** @internal Made by `hostSocket`. */
  constructor(facts: UpgradeRequest) {
    this.url = facts.url;
    this.socket = { remoteAddress: facts.remoteAddress };
    this.#facts = facts;
  }

  /** `socket`, by its older name. */
  get connection(): Peer {
    return this.socket;
  }

  get path(): string {
    return this.#facts.path;
  }

  get params(): Readonly<Record<string, string>> {
    return this.#facts.params;
  }

  get query(): Readonly<ParsedUrlQuery> {
    return this.#facts.query;
  }

  get headers(): Readonly<IncomingHttpHeaders> {
    return this.#facts.headers;
  }

  get remoteAddress(): string | undefined {
    return this.#facts.remoteAddress;
  }

  get protocol(): string {
    return this.#facts.protocol;
  }
}
