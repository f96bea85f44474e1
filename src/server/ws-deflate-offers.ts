import type { IncomingHttpHeaders } from 'node:http';
import * as ws from 'ws';
import type { PerMessageDeflateOptions } from 'ws';

/** The parameters of one offer: each name with the values it came with. */
type Offer = Record<string, (string | true)[]>;

/** In ws, but not in its types. */
const { extension, PerMessageDeflate } = ws as unknown as {
  readonly extension: {
    /** @throws SyntaxError */
    parse(header: string): Record<string, Offer[]>;
    format(extensions: Record<string, Offer[]>): string;
  };
  readonly PerMessageDeflate: new (options: PerMessageDeflateOptions & { isServer: boolean }) => {
    /** @throws Error when none is acceptable, or any is wrong */
    accept(offers: Offer[]): unknown;
  };
};

const HEADER = 'sec-websocket-extensions';
const DEFLATE = 'permessage-deflate';

/**
 * Takes the offers of permessage-deflate that cannot be accepted out of the request: they are declined, and the
 * connection stays uncompressed if none is left (RFC 7692 §7.1). ws would refuse the whole upgrade because of them.
 */
export function declineBadOffers(headers: IncomingHttpHeaders, settings: PerMessageDeflateOptions): void {
  const header = headers[HEADER];
  if (header === undefined) return;
  const offers = parse(header)?.[DEFLATE];
  if (offers === undefined) return;
  const acceptable = offers.filter((offer) => isAcceptable(offer, settings));
  if (acceptable.length === 0) delete headers[HEADER];
  else headers[HEADER] = extension.format({ [DEFLATE]: acceptable });
}

/** Must a handshake with this header be refused (RFC 6455 §9.1)? */
export function isMalformed(header: string): boolean {
  return parse(header) === undefined;
}

/** A malformed header is left to ws, which refuses it with 400 (RFC 6455 §9.1). */
function parse(header: string): Record<string, Offer[]> | undefined {
  try {
    return extension.parse(header);
  } catch {
    return undefined;
  }
}

function isAcceptable(offer: Offer, settings: PerMessageDeflateOptions): boolean {
  const { server_max_window_bits: server = [], client_max_window_bits: client = [] } = offer;
  // zlib compresses with 9 bits at least.
  if (server[0] === '8') return false;
  // RFC 7692 §7.1.2: no leading zeros.
  if ([...server, ...client].some((bits) => String(bits).startsWith('0'))) return false;
  try {
    // A copy: `accept` writes into it.
    new PerMessageDeflate({ ...settings, isServer: true }).accept([{ ...offer }]);
    return true;
  } catch {
    return false;
  }
}
