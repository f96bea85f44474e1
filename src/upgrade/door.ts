import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { ErrorCode, UpgradeError } from '../websock/errors.js';
import type { WebSockOptions } from '../websock/options.js';
import type { UpgradeIntent } from './intent.js';
import type { Claims } from './upgrade-listener.js';

/** Who gets the requests that the app decided to upgrade. */
export interface Door {
  /** For the options of connections. */
  readonly defaults: WebSockOptions;
  /** What `upgrade()` may be given beside a `WebSock`. */
  readonly handlers: ReadonlyMap<unknown, unknown>;
  /** The limit of guards and `@OnUpgrade` together, ms, until a handler sets its own. */
  readonly upgradeTimeout: number;
  /** Shutting down: everything is refused with 503. */
  readonly isShut: boolean;
  /** Whose requests are ours, on a server where others listen as well. */
  readonly claims: Claims;
  /** Why no more connections are taken, or none from this address; undefined: there is room. */
  isFull(address: string | undefined): UpgradeError | undefined;
  accept(accepted: AcceptedUpgrade): void;
  /** Something was refused; for telemetry. */
  refused(status: number, message: string, code?: ErrorCode): void;
}

/** A request that the app has decided to upgrade. The socket is free: the response is over. */
export interface AcceptedUpgrade {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  /** What the client sent behind its handshake. */
  readonly head: Buffer;
  readonly intent: UpgradeIntent;
  /** What the app set on the response: name and value in turn, several values as several pairs. */
  readonly headers: readonly (readonly [name: string, value: string])[];
}
