import { randomBytes } from 'node:crypto';
import { telemetry } from '../telemetry/events.js';
import type { ConnectionRef } from '../websock/connection.js';
import type { ResolvedDrainer } from '../websock/options.js';
import { systemClock, type Clock } from './clock.js';
import { LiveConnection, type ConnectionOwner, type ConnectionSpec } from './live-connection.js';
import { Sweeper } from './sweeper.js';
import type { Transport, TransportListener } from './transport.js';

/** The connections of one app instance, whichever server they came through. */
export class ConnectionRegistry implements ConnectionOwner {
  /** Names the app instance; part of every reference, so that two apps in one process never mix. */
  readonly app = randomBytes(6).toString('base64url');
  readonly sweeper: Sweeper;
  /** Those whose reference is alive. */
  readonly #live = new Map<ConnectionRef, LiveConnection>();
  /** Those of which anything is left, oldest first. */
  readonly #all = new Set<LiveConnection>();
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
    this.#live.set(ref, connection);
    this.#all.add(connection);
    this.#count(connection, 1);
    return connection;
  }

  /** Connections from one client address. */
  countFrom(address: string | undefined): number {
    return this.#addresses.get(address) ?? 0;
  }

  find(ref: ConnectionRef): LiveConnection | undefined {
    return this.#live.get(ref);
  }

  refs(): ConnectionRef[] {
    return [...this.#live.keys()];
  }

  endDecided(connection: LiveConnection): void {
    this.#live.delete(connection.ref);
  }

  ended(connection: LiveConnection, droppedInfo: number): void {
    this.#all.delete(connection);
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
    const cancelBatches = this.#tellInBatches([...this.#all], batchSize, batchInterval, code);
    await empty;
    cancelBatches();
    const left = [...this.#all];
    for (const connection of left) connection.destroy(code);
    if (!telemetry.drainStop.hasSubscribers) return;
    telemetry.drainStop.publish({
      app: this.app,
      destroyed: left.length,
      droppedInfo: this.#droppedInfo - droppedBefore,
      duration: this.clock.now() - start,
    });
  }

  #count({ request: { remoteAddress } }: LiveConnection, change: 1 | -1): void {
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
