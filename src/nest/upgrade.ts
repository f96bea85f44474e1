import type { ServerResponse } from 'node:http';
import { isWebSock, type Handler } from '../connection/handler.js';
import {
  admit,
  commit,
  openSlot,
  rawOf,
  upgrade as upgradeToWebSock,
  type UpgradableRequest,
} from '../server/upgrade.js';
import { slotOf, type UpgradeSlot } from '../upgrade/intent.js';
import { WebSockError } from '../websock/errors.js';
import { checkOptions, resolveOptions, type WebSockOptions } from '../websock/options.js';
import type { WebSock } from '../websock/websock.js';
import { arrivingHandler } from './arriving-handler.js';
import type { Type } from './nest-types.js';
import type { PreparedHandler } from './prepared-handler.js';
import { answeredAlready, toHttpException } from './upgrade-refusal.js';

/** Options of one connection, over those of the handler and of the module. */
export interface UpgradeOptions extends WebSockOptions {
  /** The class-level guards of the handler do not run here. Says that the caller has its own. Default false. */
  guardedByCaller?: boolean;
}

/**
 * Upgrades the request in hand to a WebSocket, from a controller (WebSockAdapter's `upgrade/4`). Only marks the request: the
 * switch takes place when the response ends with a 2xx, so return nothing else, and with `@Res()` use
 * `{ passthrough: true }`. It returns undefined, which no cache of responses keeps for the next request.
 *
 * @param handler the class of a handler of this app or its instance, or any `WebSock` object
 * @param argument for `init`; without it `init` gets the upgrade request's facts
 * @throws HttpException when the handshake, the origin or the offered subprotocols are no good
 * @throws WebSockError `WEBSOCK_GUARDED_HANDLER` for a handler with class-level guards without `guardedByCaller`;
 *   `WEBSOCK_NOT_A_HANDLER`; `WEBSOCK_UPGRADE_TWICE`
 * @throws ConfigError for options that are no good
 */
export function upgrade(
  request: UpgradableRequest,
  handler: (new (...args: any[]) => object) | WebSock<any, any, any>,
  argument?: unknown,
  { guardedByCaller = false, ...options }: UpgradeOptions = {},
): void {
  try {
    // No fault of the app's: the client has gone, or the time was up.
    if (slotOf(rawOf(request))?.isLost) throw answeredAlready();
    const slot = openSlot(request);
    const prepared = preparedOf(slot, handler);
    if (prepared === undefined) return upgradeToOther(request, handler, argument, options);
    if (prepared.isGuarded && !guardedByCaller) throw guarded(prepared);
    checkOptions(options, 'upgrade()');
    const admission = admit(
      request,
      slot,
      resolveOptions('upgrade()', slot.defaults, prepared.ownOptions, options),
    );
    const value = argument === undefined ? admission.request : argument;
    commit(admission, handlerFor(request, handler, prepared), value);
  } catch (error) {
    throw toHttpException(error, (name, value) => setHeader(request, name, value));
  }
}

/** Of a scoped handler each instance is another; its class tells. */
function preparedOf(slot: UpgradeSlot, handler: Type | WebSock): PreparedHandler | undefined {
  const prepared = slot.handlers.get(handler) as PreparedHandler | undefined;
  if (prepared !== undefined || typeof handler === 'function') return prepared;
  const ofClass = slot.handlers.get(Object(handler).constructor) as PreparedHandler | undefined;
  return ofClass?.instances === undefined ? undefined : ofClass;
}

/** What runs the connection: made at boot, or, of a scoped handler, now. */
function handlerFor(
  request: UpgradableRequest,
  handler: Type | WebSock,
  { handler: prepared, instances }: PreparedHandler,
): Handler {
  if (instances === undefined) return prepared;
  if (typeof handler === 'function') return arrivingHandler(prepared, instances.resolve(request));
  return instances.adopt(handler, request);
}

function upgradeToOther(
  request: UpgradableRequest,
  handler: Type | WebSock,
  argument: unknown,
  options: WebSockOptions,
): void {
  if (isWebSock(handler)) {
    upgradeToWebSock(request, handler, argument, options);
    return;
  }
  const name = typeof handler === 'function' ? handler.name : String(handler);
  throw new WebSockError(
    'WEBSOCK_NOT_A_HANDLER',
    `upgrade(): ${name} is no handler of this app: decorate the class with @WebSockHandler(), list it in the providers of a ` +
      'module, and import WebSockModule',
  );
}

function guarded({ handler: { name } }: PreparedHandler): WebSockError {
  return new WebSockError(
    'WEBSOCK_GUARDED_HANDLER',
    `upgrade(): ${name} has class-level guards, which do not run here. Guard the caller and say so: { guardedByCaller: true }`,
  );
}

/** A controller's request does not lead to its response, but the slot does, and without one the socket. */
function setHeader(request: UpgradableRequest, name: string, value: string): void {
  const raw = rawOf(request);
  const slot = slotOf(raw);
  if (slot?.isOpen) return slot.setHeader(name, value);
  const { _httpMessage: response } = raw.socket as { _httpMessage?: ServerResponse | null };
  // Behind pipelined requests it is that of an earlier one.
  if (response?.req === raw && !response.headersSent) response.setHeader(name, value);
}
