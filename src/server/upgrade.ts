import { AsyncResource } from 'node:async_hooks';
import type { IncomingMessage } from 'node:http';
import { handlerOf, isWebSock, type Handler } from '../connection/handler.js';
import { checkHandshake, upgradeRequired } from '../upgrade/handshake.js';
import { slotOf, type UpgradeSlot } from '../upgrade/intent.js';
import { checkOrigin } from '../upgrade/origin.js';
import { RequestFacts, type FrameworkRequest } from '../upgrade/request-facts.js';
import { chooseProtocol } from '../upgrade/subprotocol.js';
import { UpgradeError, WebSockError } from '../websock/errors.js';
import {
  checkOptions,
  resolveOptions,
  type ResolvedOptions,
  type WebSockOptions,
} from '../websock/options.js';
import type { WebSock } from '../websock/websock.js';
import type { Target } from './server.js';

/** Node's request, which is also Express's, or Fastify's around it. */
export type UpgradableRequest = IncomingMessage | WrappedRequest;

/** A framework's request that is not Node's own, as Fastify has. */
export interface WrappedRequest extends FrameworkRequest {
  readonly raw: IncomingMessage;
}

/** What `upgrade()` returns: nothing a response body could be made of. */
export class Upgraded {
  /** `{}`, for a framework that makes a JSON body of what a controller returns. */
  toJSON(): object {
    return {};
  }
}

/** Admits a request: what must hold before the app's own decision. */
export interface Admission {
  readonly slot: UpgradeSlot;
  readonly request: RequestFacts;
  readonly protocol: string;
  readonly options: ResolvedOptions;
}

/**
 * Upgrades a request to a WebSocket that `websock` handles (WebSockAdapter's `upgrade/4`). Only marks the request: the switch
 * takes place when the response ends with a 2xx, so everything that the app sets on it is on the 101.
 *
 * @param argument for `init`; without it `init` gets the upgrade request's facts
 * @throws UpgradeError when the handshake, the origin or the offered subprotocols are no good: `status` and `headers` say how to answer
 * @throws ConfigError for options that are no good
 * @throws WebSockError when the request was upgraded before, or the app has answered it. Once the client has gone, or was
 *   refused because `upgradeTimeout` was over, nothing happens
 */
export function upgrade(
  request: UpgradableRequest,
  websock: WebSock<any, any, any>,
  argument?: unknown,
  options: WebSockOptions = {},
): Upgraded {
  if (!isWebSock(websock)) {
    throw new WebSockError(
      'WEBSOCK_NOT_A_HANDLER',
      'upgrade(): the second argument must be a WebSock object with at least one callback',
    );
  }
  checkOptions(options, 'upgrade()');
  // No fault of the app's: its decision comes to nothing.
  if (slotOf(rawOf(request))?.isLost) return new Upgraded();
  const slot = openSlot(request);
  const admission = admit(request, slot, resolveOptions('upgrade()', slot.defaults, options));
  return commit(admission, handlerOf(websock), argument === undefined ? admission.request : argument);
}

/** The place on the request for the decision. */
export function openSlot(request: UpgradableRequest): UpgradeSlot {
  const raw = rawOf(request);
  const slot = slotOf(raw);
  if (slot === undefined) throw upgradeRequired(raw);
  if (slot.intent !== undefined)
    throw new WebSockError(
      'WEBSOCK_UPGRADE_TWICE',
      'upgrade() was called twice for one request: call it once, and return what it returns',
    );
  if (!slot.isOpen)
    throw new WebSockError(
      'WEBSOCK_UPGRADE_TOO_LATE',
      'upgrade() was called after the response was sent: call it before, and send nothing yourself; with @Res() use ' +
        '{ passthrough: true }',
    );
  return slot;
}

/** Checks what can be checked without the app. */
export function admit(request: UpgradableRequest, slot: UpgradeSlot, options: ResolvedOptions): Admission {
  try {
    return check(request, slot, options);
  } catch (error) {
    if (error instanceof UpgradeError) slot.refusal = error;
    throw error;
  }
}

function check(request: UpgradableRequest, slot: UpgradeSlot, options: ResolvedOptions): Admission {
  const raw = rawOf(request);
  const framework = request as FrameworkRequest;
  if (options.earlyValidateUpgrade) checkHandshake(raw);
  const facts = new RequestFacts(raw, framework);
  slot.checkRoom(facts.remoteAddress);
  checkOrigin(options.checkOrigin, facts, framework.hostname ?? raw.headers.host);
  return { slot, request: facts, protocol: chooseProtocol(options, facts), options };
}

/** Records the decision. The connection will run in the async context of this call. */
export function commit(
  { slot, request, protocol, options }: Admission,
  handler: Handler,
  argument: unknown,
): Upgraded {
  request.settle(protocol);
  const target: Target = { handler, argument };
  slot.intent = { target, request, options, context: new AsyncResource('WebSockConnection') };
  return new Upgraded();
}

/** Node's request. */
export function rawOf(request: UpgradableRequest): IncomingMessage {
  return (request as FrameworkRequest).raw ?? (request as IncomingMessage);
}
