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
  if (typeof rule === 'function') return answerOf(rule(origin, request));
  if (rule === 'same-host')
    return hostName(origin) !== undefined && hostName(origin) === hostName(`http://${host}`);
  return rule.includes(origin.toLowerCase());
}

/** Only true lets a page in; a promise, which would pass for it, is the app's mistake. */
function answerOf(answer: unknown): boolean {
  if (typeof answer === 'boolean') return answer;
  throw new TypeError(
    'checkOrigin: the function must answer true or false at once, not with a promise or anything else',
  );
}

function hostName(url: string): string | undefined {
  return URL.canParse(url) ? new URL(url).hostname : undefined;
}
