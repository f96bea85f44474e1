import { Injectable } from '@nestjs/common';
import { PubSub, type Connection, type RawMessage } from 'nestjs-websock';
import { encode } from './protocol.js';

/** What a topic carries: the shape of the package's `presence_diff`, which goes the same way. */
export type Broadcast = readonly [event: string, topic: string, payload: unknown];

/** Tells everybody in a channel, from anywhere in the app. */
@Injectable()
export class Endpoint {
  constructor(private readonly pubsub: PubSub) {}

  broadcast(topic: string, event: string, payload: unknown): void {
    this.pubsub.broadcast(topic, [event, topic, payload] satisfies Broadcast);
  }

  /** All but one. */
  broadcastFrom(from: Connection, topic: string, event: string, payload: unknown): void {
    this.pubsub.broadcastFrom(from, topic, [event, topic, payload] satisfies Broadcast);
  }
}

/** Straight to the clients, encoded once for all of them. */
export function fastlane([event, topic, payload]: Broadcast): RawMessage {
  return encode([null, null, topic, event, payload]);
}
