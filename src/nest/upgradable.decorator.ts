import type { GetRoute } from './declared-routes.js';

// A fixed string: the package is loaded twice where ESM and CommonJS meet.
const UPGRADABLE = 'websock:upgradable';

/**
 * Marks a GET method of a controller, or all of a controller, that may call `upgrade()`. Needed only where others take upgrade
 * requests of the same HTTP server too (gateways, GraphQL subscriptions, socket.io): there the requests of unmarked
 * routes are theirs.
 */
export function Upgradable(): ClassDecorator & MethodDecorator {
  // By name, not on the function: another decorator may wrap that.
  return (target: object, method?: string | symbol) => {
    if (method === undefined) Reflect.defineMetadata(UPGRADABLE, true, target);
    else Reflect.defineMetadata(UPGRADABLE, true, target, method);
  };
}

export function isUpgradable({ controller, method }: GetRoute): boolean {
  return (
    Reflect.hasMetadata(UPGRADABLE, controller.prototype as object, method) ||
    Reflect.hasMetadata(UPGRADABLE, controller)
  );
}
