import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { Inject, Injectable } from '@nestjs/common';
import {
  Connections,
  InfoMessage,
  Presence,
  PubSub,
  type Connection,
  type ConnectionRef,
} from 'nestjs-websock';
import { StationCall, type Outcome } from './calls.js';

export const CALL_TIMEOUT = 'call timeout';

/** Who is connected, by presence: the key is the station. */
const STATIONS = 'stations';

/** How long an answer may be on its way from another node, ms. */
const DELIVERY = 2_000;

interface Meta {
  readonly ref: ConnectionRef;
  readonly since: number;
}

/** The station has connected again. */
@InfoMessage('ocpp.replaced')
export class Replaced {
  constructor(readonly by: ConnectionRef) {}
}

/** The stations that are connected, to any node. */
@Injectable()
export class Stations {
  /** @param callTimeout how long a call may take, those before it included, ms */
  constructor(
    private readonly connections: Connections,
    private readonly presence: Presence,
    private readonly pubsub: PubSub,
    @Inject(CALL_TIMEOUT) private readonly callTimeout: number,
  ) {}

  /** Takes the place of the connection that the station has had. */
  enter(station: string, connection: Connection): void {
    const { ref } = connection;
    for (const former of this.metas(station)) this.connections.sendInfo(former.ref, new Replaced(ref));
    this.presence.track(connection, STATIONS, station, { ref, since: Date.now() } satisfies Meta);
  }

  list(): string[] {
    return Object.keys(this.presence.list(STATIONS));
  }

  /** The newest connection of a station: one that is replaced may still be there. */
  find(station: string): ConnectionRef | undefined {
    return this.metas(station).toSorted((a, b) => b.since - a.since)[0]?.ref;
  }

  /** Asks a station for something, and waits for its answer. */
  async call(ref: ConnectionRef, action: string, payload: object): Promise<Outcome> {
    const call = new StationCall(randomUUID(), action, payload, this.callTimeout);
    const topic = outcomeOf(call.id);
    // The connection keeps the time. This is for what a broker has lost.
    const lost = AbortSignal.timeout(this.callTimeout + DELIVERY);
    const gone = new AbortController();
    const unwatch = this.connections.monitor(ref, () => gone.abort());
    const signal = AbortSignal.any([lost, gone.signal]);
    const outcomes = this.pubsub.messages<Outcome>(topic, { signal });
    try {
      await Promise.race([this.pubsub.subscribed(topic), once(signal, 'abort')]);
      if (!signal.aborted) this.connections.sendInfo(ref, call);
      for await (const outcome of outcomes) return outcome;
      return lost.aborted ? ['timeout'] : ['gone'];
    } finally {
      unwatch();
    }
  }

  private metas(station: string): readonly Meta[] {
    return this.presence.get<Meta>(STATIONS, station)?.metas ?? [];
  }
}

/** The topic to which the outcome of a call is broadcast. */
export function outcomeOf(call: string): string {
  return `ocpp:call:${call}`;
}
