import type { ConnectionRegistry } from '../connection/registry.js';
import { UpgradeError } from '../websock/errors.js';
import type { ResolvedCapacity } from '../websock/options.js';

/** When a refused client may try again, seconds (RFC 9110 §10.2.3). */
const RETRY_AFTER = { 'Retry-After': '10' };

/** Why one more connection from an address is not taken; undefined: there is room. */
export function isFull(
  registry: ConnectionRegistry,
  { maxConnections, maxConnectionsPerAddress }: ResolvedCapacity,
  address: string | undefined,
): UpgradeError | undefined {
  if (registry.size >= maxConnections) {
    return new UpgradeError('WEBSOCK_UPGRADE_FULL', 'Too many connections', 503, RETRY_AFTER);
  }
  if (registry.countFrom(address) >= maxConnectionsPerAddress) {
    return new UpgradeError(
      'WEBSOCK_UPGRADE_ADDRESS_FULL',
      'Too many connections from this address',
      429,
      RETRY_AFTER,
    );
  }
  return undefined;
}
