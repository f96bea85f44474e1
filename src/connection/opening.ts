import type { AsyncResource } from 'node:async_hooks';
import type { ConnectionRef } from '../websock/connection.js';
import type { ResolvedOptions } from '../websock/options.js';
import type { UpgradeRequest } from '../websock/request.js';
import type { Clock } from './clock.js';
import type { Handler } from './handler.js';
import type { Monitor } from './monitors.js';
import type { Sweeper } from './sweeper.js';
import type { Topics } from './topics.js';

/** What a connection is made of. */
export interface ConnectionSpec {
  readonly handler: Handler;
  /** For `init`. */
  readonly argument: unknown;
  readonly request: UpgradeRequest;
  readonly options: ResolvedOptions;
  /** The async context in which all its callbacks run. */
  readonly context: AsyncResource;
}

/** What a connection asks of the registry that opened it. */
export interface ConnectionOwner {
  readonly app: string;
  readonly clock: Clock;
  readonly sweeper: Sweeper;
  /** What connections subscribe to. */
  readonly topics: Topics;
  /** Calls `down` once, when a connection has ended and its `terminate` is done; now with `'noproc'` when there is none. */
  readonly monitor: Monitor;
  /** Its end is decided: the reference is dead. */
  endDecided(connection: OwnedConnection): void;
  /** Nothing of it is left. */
  ended(connection: OwnedConnection, droppedInfo: number): void;
}

/** A connection, as the registry that opened it is told of it. */
export interface OwnedConnection {
  readonly ref: ConnectionRef;
  readonly request: UpgradeRequest;
}
