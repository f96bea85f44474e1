import type { AsyncResource } from 'node:async_hooks';
import type { CancelMonitor, CancelTimer, ConnectionRef } from '../websock/connection.js';
import type { AttachOptions, CancelAttachment, StreamSource } from '../websock/stream.js';
import { checkSubscribeOptions, checkTopic, type SubscribeOptions } from '../websock/topic.js';
import type { FedConnection } from './attachment.js';
import { Attachments } from './attachments.js';
import type { Inbox } from './inbox.js';
import { checkDelay, InfoTimers } from './info-timers.js';
import { checkRef, Monitors, NO_MONITOR } from './monitors.js';
import type { ConnectionOwner } from './opening.js';
import { Subscriptions } from './subscriptions.js';
import type { TopicSubscriber } from './topics.js';

/**
 * What a handler has got itself through its connection: timers, topics, monitors, streams, the signal. It lasts until the end
 * is decided. Each exists once it is asked for; so does the whole.
 */
export class Belongings {
  readonly #connection: FedConnection & TopicSubscriber;
  readonly #owner: ConnectionOwner;
  readonly #inbox: Inbox;
  readonly #context: AsyncResource;
  #timers: InfoTimers | undefined;
  #subscriptions: Subscriptions | undefined;
  #monitors: Monitors | undefined;
  #attachments: Attachments | undefined;
  #abort: AbortController | undefined;

  constructor(
    connection: FedConnection & TopicSubscriber,
    owner: ConnectionOwner,
    inbox: Inbox,
    context: AsyncResource,
  ) {
    this.#connection = connection;
    this.#owner = owner;
    this.#inbox = inbox;
    this.#context = context;
  }

  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController();
      if (this.#connection.isEnding) this.#abort.abort();
    }
    return this.#abort.signal;
  }

  sendInfoAfter(ms: number, message: unknown): CancelTimer {
    checkDelay(ms);
    if (this.#connection.isEnding) return () => {};
    this.#timers ??= new InfoTimers(this.#owner.clock);
    return this.#timers.after(ms, () => this.#connection.receiveInfo(message));
  }

  subscribe<T>(topic: string, options: SubscribeOptions<T> = {}): void {
    checkTopic('subscribe', topic);
    checkSubscribeOptions(options);
    if (this.#connection.isEnding) return;
    this.#subscriptions ??= new Subscriptions(this.#owner.topics, this.#connection);
    this.#subscriptions.add(topic, options);
  }

  unsubscribe(topic: string): void {
    checkTopic('unsubscribe', topic);
    this.#subscriptions?.remove(topic);
  }

  monitor(ref: ConnectionRef): CancelMonitor {
    checkRef(ref);
    if (this.#connection.isEnding) return NO_MONITOR;
    this.#monitors ??= new Monitors(this.#owner.monitor, (message) => this.#connection.receiveInfo(message));
    return this.#monitors.add(ref);
  }

  attach<T>(source: StreamSource<T>, map?: (value: T) => unknown, options?: AttachOptions): CancelAttachment {
    this.#attachments ??= new Attachments(this.#connection, this.#inbox, this.#context);
    return this.#attachments.attach(source, map, options);
  }

  /** Something has left the queue: streams may have room in it. */
  proceed(): void {
    this.#attachments?.proceed();
  }

  /** The end is decided. */
  release(): void {
    this.#timers?.clear();
    this.#subscriptions?.release();
    this.#monitors?.release();
    if (this.#abort !== undefined) this.#context.runInAsyncScope(this.#abort.abort, this.#abort);
    this.#attachments?.release();
  }
}
