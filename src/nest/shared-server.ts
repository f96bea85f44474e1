import type { Claims } from '../upgrade/upgrade-listener.js';
import { pathOf } from '../upgrade/path.js';
import { ConfigError } from '../websock/errors.js';
import type { OtherPath } from './other-paths.js';
import type { RouteMatcher } from './route-matcher.js';

/**
 * Whose the WebSocket requests are, on a server where others listen as well: those of handlers' paths ours, those of gateways and
 * `passthrough` theirs, and of the rest those that reach an `@Upgradable()` route ours.
 */
export function makeClaims(
  handlers: RouteMatcher,
  others: readonly OtherPath[],
  upgradable: RouteMatcher,
): Claims {
  return (request) => {
    if (handlers.matches(request)) return true;
    const path = pathOf(request);
    return !others.some((other) => other.holds(path)) && upgradable.matches(request);
  };
}

/**
 * No gateway or `passthrough` would get a request for a path that a handler serves.
 *
 * @throws ConfigError `WEBSOCK_PATH_OF_OTHERS`
 */
export function checkOtherPaths(handlers: RouteMatcher, others: readonly OtherPath[]): void {
  for (const { path, owner } of others) {
    const route = handlers.find(path);
    if (route === undefined) continue;
    const { name } = route.controller;
    throw new ConfigError(
      'WEBSOCK_PATH_OF_OTHERS',
      `${path} is a path of ${owner} and, as ${route.path}, of @WebSockHandler ${name}: give one of them another path`,
    );
  }
}
