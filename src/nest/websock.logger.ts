import type { Channel } from 'node:diagnostics_channel';
import { inspect } from 'node:util';
import { Logger } from '@nestjs/common';
import {
  telemetry,
  type CallbackError,
  type CallbackOverrun,
  type CallbackSlow,
  type ConnectionStart,
  type ConnectionStop,
  type DrainStart,
  type DrainStop,
  type EngineFailure,
  type EngineLost,
  type EngineRestored,
  type FastPathClosed,
  type ListenerError,
  type ListenerOverflow,
  type MessageDropped,
  type NodeDown,
  type NodeUp,
  type TelemetryEvent,
  type TopicGap,
  type UpgradeRefused,
} from '../telemetry/events.js';
import { ProtocolError } from '../websock/errors.js';
import { ClusterLog } from './cluster-log.js';

/** The context of our lines in Nest's log. */
export const LOG_CONTEXT = 'WebSock';

type Listener = (event: unknown) => void;

/** Writes one app's telemetry to Nest's log. Never payloads, never headers but the Origin and Host of a refused origin. */
export class WebSockLogger {
  readonly #logger = new Logger(LOG_CONTEXT);
  readonly #cluster = new ClusterLog(this.#logger);
  readonly #app: string;
  readonly #subscriptions: [Channel, Listener][] = [];
  /** Connections that the shutdown began with. */
  #told = 0;

  constructor(app: string) {
    this.#app = app;
  }

  subscribe(): void {
    this.#on<ConnectionStart>(telemetry.connectionStart, (event) => this.#connectionStart(event));
    this.#on<ConnectionStop>(telemetry.connectionStop, (event) => this.#connectionStop(event));
    this.#on<CallbackError>(telemetry.callbackError, (event) => this.#callbackError(event));
    this.#on<CallbackOverrun>(telemetry.callbackOverrun, (event) => this.#callbackOverrun(event));
    this.#on<CallbackSlow>(telemetry.callbackSlow, (event) => this.#callbackSlow(event));
    this.#on<MessageDropped>(telemetry.messageDropped, (event) => this.#messageDropped(event));
    this.#on<ListenerError>(telemetry.listenerError, (event) => this.#listenerError(event));
    this.#on<ListenerOverflow>(telemetry.listenerOverflow, (event) => this.#listenerOverflow(event));
    this.#on<UpgradeRefused>(telemetry.upgradeRefused, (event) => this.#upgradeRefused(event));
    this.#on<FastPathClosed>(telemetry.fastPathClosed, (event) => this.#fastPathClosed(event));
    this.#on<DrainStart>(telemetry.drainStart, (event) => this.#drainStart(event));
    this.#on<DrainStop>(telemetry.drainStop, (event) => this.#drainStop(event));
    this.#on<EngineFailure>(telemetry.engineError, (event) => this.#cluster.engineError(event));
    this.#on<EngineLost>(telemetry.engineLost, (event) => this.#cluster.engineLost(event));
    this.#on<EngineRestored>(telemetry.engineRestored, (event) => this.#cluster.engineRestored(event));
    this.#on<NodeUp>(telemetry.nodeUp, (event) => this.#cluster.nodeUp(event));
    this.#on<NodeDown>(telemetry.nodeDown, (event) => this.#cluster.nodeDown(event));
    this.#on<TopicGap>(telemetry.pubsubGap, (event) => this.#cluster.topicGap(event));
  }

  unsubscribe(): void {
    for (const [channel, listener] of this.#subscriptions.splice(0)) channel.unsubscribe(listener);
  }

  /** The channels are the process's; other apps publish on them too. */
  #on<E extends TelemetryEvent>(channel: Channel, write: (event: E) => void): void {
    const listener: Listener = (event) => {
      if ((event as E).app !== this.#app) return;
      try {
        write(event as E);
      } catch (error) {
        // What a channel's listener throws would end the process.
        process.emitWarning(`nestjs-websock could not log an event: ${String((error as Error)?.message)}`);
      }
    };
    channel.subscribe(listener);
    this.#subscriptions.push([channel, listener]);
  }

  #connectionStart({ ref, handler }: ConnectionStart): void {
    this.#logger.debug(`${handler}: connection ${ref} opened`);
  }

  #connectionStop({ ref, handler, reason, facts, droppedMessages, droppedInfo }: ConnectionStop): void {
    const error = Array.isArray(reason) ? (reason[1] as unknown) : undefined;
    if (error instanceof ProtocolError) {
      this.#logger.warn(
        `${handler}: connection ${ref} broke the protocol (closed with ${facts.code}): ${error.message}`,
      );
      return;
    }
    const cause = typeof reason === 'string' ? reason : typeof error === 'string' ? error : 'error';
    const dropped = droppedMessages + droppedInfo;
    const tail = dropped === 0 ? '' : `, ${droppedMessages} messages and ${droppedInfo} info dropped`;
    this.#logger.debug(
      `${handler}: connection ${ref} ended: ${cause} (${facts.initiator}, ${facts.code})${tail}`,
    );
  }

  #callbackError({ ref, method, error }: CallbackError): void {
    this.#logger.error(
      `${method}() failed on connection ${ref}: ${inWords(error)}`,
      (error as Error | undefined)?.stack,
    );
  }

  #callbackOverrun({ ref, method, limit }: CallbackOverrun): void {
    this.#logger.warn(
      `${method}() on connection ${ref} did not come back within ${limit} ms and was given up`,
    );
  }

  #callbackSlow({ ref, method, duration }: CallbackSlow): void {
    const since = `has not settled for ${Math.round(duration)} ms`;
    this.#logger.warn(
      `${method}() on connection ${ref} ${since}; until it does, nothing else is handled there`,
    );
  }

  #messageDropped({ ref, handler, callback }: MessageDropped): void {
    this.#logger.debug(`${handler}: connection ${ref} dropped a message: the handler has no ${callback}`);
  }

  #listenerError({ listener, topic, ref, error }: ListenerError): void {
    const whose = listener === 'monitor' ? `a monitor of connection ${ref}` : OF_TOPIC[listener] + topic;
    this.#logger.error(`${whose} failed: ${inWords(error)}`, (error as Error | undefined)?.stack);
  }

  #listenerOverflow({ topic, highWaterMark }: ListenerOverflow): void {
    this.#logger.warn(
      `messages('${topic}') are taken too slowly: more than ${highWaterMark} waited, and the oldest are dropped`,
    );
  }

  #upgradeRefused({ status, code, message }: UpgradeRefused): void {
    if (status < 300) return this.#logger.warn(notUpgraded(status));
    const line = `upgrade refused with ${status}: ${message || 'the app decided so'}`;
    // The one refusal that is more often our user's mistake than the client's.
    if (code === 'WEBSOCK_UPGRADE_ORIGIN') this.#logger.warn(line);
    else this.#logger.debug(line);
  }

  #fastPathClosed({ reason }: FastPathClosed): void {
    this.#logger.warn(
      `the ws that is installed is not as expected (${reason}): messages are read the slower way`,
    );
  }

  #drainStart({ connections }: DrainStart): void {
    this.#told = connections;
    if (connections > 0) this.#logger.log(`shutting down: telling ${connections} connections`);
  }

  #drainStop({ destroyed, droppedInfo, duration }: DrainStop): void {
    if (this.#told === 0) return;
    const rest = `${destroyed} had to be cut off, ${droppedInfo} late messages were dropped`;
    this.#logger.log(`shut down after ${Math.round(duration)} ms: ${rest}`);
  }
}

const OF_TOPIC = { topic: 'a listener to topic ', fastlane: 'a fastlane function of topic ' };

function inWords(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : inspect(error);
}

/** An ordinary success is no answer to a WebSocket request. */
function notUpgraded(status: number): string {
  return (
    `a WebSocket request was answered with ${status} and not upgraded: another route, an interceptor or a cache answered ` +
    'in place of the handler'
  );
}
