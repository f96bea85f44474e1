import type { IncomingMessage } from 'node:http';
import { declineBadOffers, isMalformed } from '../server/ws-deflate-offers.js';
import { checkHandshake } from '../upgrade/handshake.js';
import type { UpgradeIntent } from '../upgrade/intent.js';
import type { UpgradeError } from '../websock/errors.js';
import type { ResolvedOptions } from '../websock/options.js';

/** In ws, but not in its types. */
const NO_SMALLER_WINDOW = { serverMaxWindowBits: false } as object;

/** What uWS makes its 101 of. */
export interface UwsHandshake {
  readonly key: string;
  /** `''` for none. */
  readonly protocol: string;
  /** What the client offers; `''` for what must not be accepted. */
  readonly extensions: string;
}

/** How a handshake is refused. */
type Fault = Pick<UpgradeError, 'status' | 'message' | 'headers'>;

/** What ws would refuse as well: extensions, and what was not checked before the app was asked (`earlyValidateUpgrade: false`). */
export function faultOf(request: IncomingMessage, options: ResolvedOptions): Fault | undefined {
  try {
    checkHandshake(request);
  } catch (error) {
    return error as Fault;
  }
  const offers = request.headers['sec-websocket-extensions'];
  if (!options.compress || offers === undefined || !isMalformed(offers)) return undefined;
  return { status: 400, message: 'Malformed Sec-WebSocket-Extensions', headers: {} };
}

export function handshakeFor(
  { headers }: IncomingMessage,
  { request, options }: UpgradeIntent,
): UwsHandshake {
  return {
    key: headers['sec-websocket-key']!,
    protocol: request.protocol,
    extensions: options.compress ? acceptableOffers(headers['sec-websocket-extensions']) : '',
  };
}

/** uWS accepts an offer of permessage-deflate whatever its parameters are; a smaller window for what it sends it does not keep to. */
function acceptableOffers(offers: string | undefined): string {
  const headers = { 'sec-websocket-extensions': offers };
  declineBadOffers(headers, NO_SMALLER_WINDOW);
  return headers['sec-websocket-extensions'] ?? '';
}
