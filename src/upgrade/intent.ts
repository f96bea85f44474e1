import type { AsyncResource } from 'node:async_hooks';
import type { IncomingMessage } from 'node:http';
import type { UpgradeError } from '../websock/errors.js';
import type { ResolvedOptions, WebSockOptions } from '../websock/options.js';
import type { RequestFacts } from './request-facts.js';

/** The decision to upgrade, as `upgrade()` leaves it on the request. It is carried out when the response has been sent. */
export interface UpgradeIntent {
  /** Whom the connection is for; only the server that opens it looks inside. */
  readonly target: unknown;
  readonly request: RequestFacts;
  readonly options: ResolvedOptions;
  /** The async context in which the connection's callbacks will run. */
  readonly context: AsyncResource;
}

/** The pipeline's side of one upgrade request, as `upgrade()` sees it. */
export interface UpgradeSlot {
  intent: UpgradeIntent | undefined;
  /** Why the request was found no good, before the app was asked; for telemetry. */
  refusal: UpgradeError | undefined;
  /** False once the response has been sent, or the time was up. */
  readonly isOpen: boolean;
  /** The client has gone, or was refused in place of the app: there is nothing left to decide. */
  readonly isLost: boolean;
  /** The option defaults of the server that the request came through. */
  readonly defaults: WebSockOptions;
  /** What `upgrade()` may be given beside a `WebSock`; only the floor that put it there looks inside. */
  readonly handlers: ReadonlyMap<unknown, unknown>;
  /** @throws UpgradeError 503 or 429 when no more connections are taken, or none from this address */
  checkRoom(address: string | undefined): void;
  /** Sets a header on the response. */
  setHeader(name: string, value: string): void;
  /** Replaces the limit of guards and `@OnUpgrade` together, ms since the request was dispatched. */
  limit(upgradeTimeout: number): void;
}

// By a name that two copies of this module share: the package is loaded twice where ESM and CommonJS meet.
const SLOT = Symbol.for('nestjs-websock.upgrade');

export function slotOf(request: IncomingMessage): UpgradeSlot | undefined {
  return (request as { [SLOT]?: UpgradeSlot })[SLOT];
}

export function putSlot(request: IncomingMessage, slot: UpgradeSlot): void {
  (request as { [SLOT]?: UpgradeSlot })[SLOT] = slot;
}
