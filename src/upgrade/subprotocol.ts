import { UpgradeError } from '../websock/errors.js';
import { TOKEN, type ResolvedOptions } from '../websock/options.js';
import type { UpgradeRequest } from '../websock/request.js';

/**
 * Chooses a subprotocol (RFC 6455 §4.2.2): the client's first that is served, `''` for none.
 *
 * @throws UpgradeError 400 for a malformed offer, and for none that is served where one is required
 */
export function chooseProtocol(options: ResolvedOptions, request: UpgradeRequest): string {
  const chosen = choose(options.protocols, request);
  if (chosen === '' && options.requireProtocol) {
    throw new UpgradeError('WEBSOCK_UPGRADE_NO_PROTOCOL', 'None of the offered subprotocols is served', 400);
  }
  return chosen;
}

function choose(protocols: ResolvedOptions['protocols'], request: UpgradeRequest): string {
  const offered = parseOffer(request.headers['sec-websocket-protocol']);
  if (offered.length === 0 || protocols === undefined) return '';
  if (typeof protocols === 'function') return chosenBy(protocols(offered, request), offered);
  return offered.find((name) => protocols.includes(name)) ?? '';
}

/** A function may only choose what was offered: a browser fails the connection otherwise. */
function chosenBy(choice: string | undefined, offered: readonly string[]): string {
  if (choice === undefined || choice === '') return '';
  if (offered.includes(choice)) return choice;
  throw new TypeError(
    `protocols: the function chose ${JSON.stringify(choice)}, which the client did not offer (${offered.join(', ')})`,
  );
}

function parseOffer(header: string | undefined): string[] {
  if (header === undefined) return [];
  const names = header.split(',').map((name) => name.trim());
  if (names.every((name) => TOKEN.test(name)) && new Set(names).size === names.length) return names;
  throw new UpgradeError('WEBSOCK_UPGRADE_BAD_PROTOCOLS', 'Malformed Sec-WebSocket-Protocol', 400);
}
