import { randomBytes } from 'node:crypto';
import { telemetry } from '../telemetry/events.js';
import type { CancelMonitor, ConnectionRef } from '../websock/connection.js';
import type { ResolvedDrainer } from '../websock/options.js';
import { systemClock, type Clock } from './clock.js';
import type { Elsewhere } from './elsewhere.js';
import { LiveConnection } from './live-connection.js';
import { NO_MONITOR, type Down, type Monitor } from './monitors.js';
import type { ConnectionOwner, ConnectionSpec, OwnedConnection } from './opening.js';
import { Sweeper } from './sweeper.js';
import { Nowhere } from './nowhere.js';
import { NO_TOPICS, type Topics } from './topics.js';
import type { Transport, TransportListener } from './transport.js';

/** The connections of one app instance, whichever server they came through. */
export class ConnectionRegistry implements ConnectionOwner {
  /** Names the app instance; part of every reference, so that two apps in one process never mix. */
  readonly app = randomBytes(6).toString('base64url');
  readonly sweeper: Sweeper;
  /** Set by the server that has them, before the first connection. */
  topics: Topics = NO_TOPICS;
  /** The connections of other nodes, where there is a cluster. */
  elsewhere: Elsewhere | undefined;
  readonly #nowhere = new Nowhere(this.app);
  /** Told of each connection whose end is decided, when its reference is dead. */
  readonly onEndDecided = new Set<(ref: ConnectionRef) => void>();
  /** Those of which anything is left, oldest first. */
  readonly #all = new Map<ConnectionRef, LiveConnection>();
  /** How many of them came from each address. */
  readonly #addresses = new Map<string | undefined, number>();
  #opened = 0;
  #droppedInfo = 0;
  #onEmpty: (() => void) | undefined;

  constructor(readonly clock: Clock = systemClock) {
    this.sweeper = new Sweeper(clock);
  }

  /** Connections of which anything is left, those that are closing included. */
  get size(): number {
    return this.#all.size;
  }

  /**
   * Opens a connection on a transport that `connect` makes. Its `init` runs when the transport is told to
   * start: `start()` of what is returned. Tests put an owner of their own, with its clock, before the registry.
   */
  open(
    spec: ConnectionSpec,
    connect: (listener: TransportListener) => Transport,
    owner: ConnectionOwner = this,
  ): LiveConnection {
    const ref = `${this.app}.${(this.#opened++).toString(36)}`;
    const connection = new LiveConnection(owner, ref, spec, connect);
    this.#all.set(ref, connection);
    this.#count(connection, 1);
    return connection;
  }

  /** Connections from one client address. */
  countFrom(address: string | undefined): number {
    return this.#addresses.get(address) ?? 0;
  }

  /** A reference is dead as soon as the end is decided. */
  find(ref: ConnectionRef): LiveConnection | undefined {
    const connection = this.#all.get(ref);
    return connection?.isEnding === false ? connection : undefined;
  }

  /** Whom to ask about a reference of another node; undefined for one of this node's. */
  elsewhereOf(ref: ConnectionRef): Elsewhere | undefined {
    // What is no string names nobody.
    const isHere = typeof ref !== 'string' || ref.startsWith(`${this.app}.`);
    return isHere ? undefined : (this.elsewhere ?? this.#nowhere);
  }

  /** A function of its own, so that owners in place of the registry can pass it on. */
  readonly monitor: Monitor = (ref, down) =>
    this.elsewhereOf(ref)?.monitor(ref, down) ?? this.#monitorHere(ref, down);

  /** Those whose reference is alive, oldest first. */
  refs(): ConnectionRef[] {
    return [...this.#all.values()].filter(({ isEnding }) => !isEnding).map(({ ref }) => ref);
  }

  endDecided({ ref }: OwnedConnection): void {
    for (const told of this.onEndDecided) told(ref);
  }

  ended(connection: OwnedConnection, droppedInfo: number): void {
    this.#all.delete(connection.ref);
    this.#count(connection, -1);
    this.#droppedInfo += droppedInfo;
    if (this.#all.size === 0) this.#onEmpty?.();
  }

  /**
   * Tells all connections in batches, oldest first, that the server shuts down. Resolves when all are gone; what is left
   * after `shutdown` ms is destroyed. Connections opened meanwhile are not told: the door must be shut before.
   */
  async drain({ batchSize, batchInterval, shutdown, code }: ResolvedDrainer): Promise<void> {
    const start = this.clock.now();
    const droppedBefore = this.#droppedInfo;
    if (telemetry.drainStart.hasSubscribers)
      telemetry.drainStart.publish({ app: this.app, connections: this.#all.size });
    const empty = this.#whenEmpty(shutdown);
    const cancelBatches = this.#tellInBatches([...this.#all.values()], batchSize, batchInterval, code);
    await empty;
    cancelBatches();
    const left = [...this.#all.values()];
    for (const connection of left) connection.destroy(code);
    if (!telemetry.drainStop.hasSubscribers) return;
    telemetry.drainStop.publish({
      app: this.app,
      destroyed: left.length,
      droppedInfo: this.#droppedInfo - droppedBefore,
      duration: this.clock.now() - start,
    });
  }

  #monitorHere(ref: ConnectionRef, down: Down): CancelMonitor {
    const cancel = this.#all.get(ref)?.watch(down);
    if (cancel !== undefined) return cancel;
    down('noproc');
    return NO_MONITOR;
  }

  #count({ request: { remoteAddress } }: OwnedConnection, change: 1 | -1): void {
    const count = this.countFrom(remoteAddress) + change;
    if (count === 0) this.#addresses.delete(remoteAddress);
    else this.#addresses.set(remoteAddress, count);
  }

  #whenEmpty(limit: number): Promise<void> {
    if (this.#all.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const cancel = this.clock.after(limit, resolve);
      this.#onEmpty = () => {
        cancel();
        resolve();
      };
    });
  }

  #tellInBatches(connections: LiveConnection[], size: number, interval: number, code: number): () => void {
    for (const connection of connections.splice(0, size)) connection.shutDown(code);
    if (connections.length === 0) return () => {};
    let cancelLater = () => {};
    const cancel = this.clock.after(interval, () => {
      cancelLater = this.#tellInBatches(connections, size, interval, code);
    });
    return () => {
      cancel();
      cancelLater();
    };
  }
}
