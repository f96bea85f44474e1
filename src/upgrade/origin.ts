import { UpgradeError } from '../websock/errors.js';
import type { ResolvedOptions } from '../websock/options.js';
import type { UpgradeRequest } from '../websock/request.js';

/**
 * Refuses pages of foreign origins: a browser lets any page open a WebSocket to any host and sends that host's cookies
 * along (cross-site WebSocket hijacking). `host` is the host the client asked for.
 *
 * @throws UpgradeError 403
 */
export function checkOrigin(
  rule: ResolvedOptions['checkOrigin'],
  request: UpgradeRequest,
  host: string | undefined,
): void {
  const { origin, cookie } = request.headers;
  // Only pages send an Origin.
  if (origin === undefined) return;
  const effective = rule ?? (cookie === undefined ? false : 'same-host');
  if (effective === false || isAllowed(effective, origin, request, host)) return;
  throw new UpgradeError(
    'WEBSOCK_UPGRADE_ORIGIN',
    `Origin ${origin} may not connect to Host ${host}; see the option checkOrigin`,
    403,
  );
}

function isAllowed(
  rule: Exclude<ResolvedOptions['checkOrigin'], false | undefined>,
  origin: string,
  request: UpgradeRequest,
  host: string | undefined,
): boolean {
  if (typeof rule === 'function') return rule(origin, request);
  if (rule === 'same-host')
    return hostName(origin) !== undefined && hostName(origin) === hostName(`http://${host}`);
  return rule.includes(origin.toLowerCase());
}

function hostName(url: string): string | undefined {
  return URL.canParse(url) ? new URL(url).hostname : undefined;
}
