import type { AsyncResource } from 'node:async_hooks';
import type { Traffic } from '../telemetry/traffic.js';
import type { Codec } from '../websock/codec.js';
import {
  Connection,
  type CancelMonitor,
  type CancelTimer,
  type ConnectionRef,
} from '../websock/connection.js';
import type { ProtocolError } from '../websock/errors.js';
import type { ControlMessage, DataMessage, Message, Opcode } from '../websock/message.js';
import type { ResolvedOptions } from '../websock/options.js';
import type { UpgradeRequest } from '../websock/request.js';
import type { AttachOptions, CancelAttachment, StreamSource } from '../websock/stream.js';
import { checkSubscribeOptions, checkTopic, type SubscribeOptions } from '../websock/topic.js';
import type { CallbackName } from '../websock/websock.js';
import type { FedConnection } from './attachment.js';
import { Attachments } from './attachments.js';
import { Backpressure } from './backpressure.js';
import { CallbackRunner, type RunningConnection } from './callback-runner.js';
import type { PendingCall } from './call.js';
import type { Clock } from './clock.js';
import { Departure, type Departing } from './departure.js';
import {
  closedByClient,
  factsOf,
  IDLE_TIMEOUT,
  OVERLOAD,
  SEND_TIMEOUT,
  shutDown,
  TRANSPORT_CLOSED,
  violated,
  type Ending,
} from './ending.js';
import { checkFastlaned } from './fastlane.js';
import type { Handler } from './handler.js';
import { Inbox, type Envelope, type Fastlaned, type Waiting } from './inbox.js';
import { checkDelay, InfoTimers } from './info-timers.js';
import { Liveness, shortestLimit } from './liveness.js';
import { checkRef, Monitors, NO_MONITOR, Watchers, type Down, type Monitor } from './monitors.js';
import type { Outgoing } from './outgoing.js';
import { reportDrop, reportStart, reportStop, type ReportedConnection } from './reports.js';
import { Slowness } from './slowness.js';
import { Subscriptions } from './subscriptions.js';
import type { Speaker } from './speaker.js';
import type { Sweepable, Sweeper } from './sweeper.js';
import type { Topics, TopicSubscriber } from './topics.js';
import { NO_TRAFFIC, TrafficCounter } from './traffic.js';
import type { SharedFrames, Transport, TransportListener } from './transport.js';
import { wakeSoon, type Wakeable } from './wake.js';

/** How many times `maxInbound` may wait where reading cannot pause. */
const UNPAUSED = 16;

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
  endDecided(connection: LiveConnection): void;
  /** Nothing of it is left. */
  ended(connection: LiveConnection, droppedInfo: number): void;
}

/**
 * One connection: a process with a mailbox and a state that runs one callback at a time. README.md tells the flow.
 */
export class LiveConnection
  extends Connection
  implements
    TransportListener,
    RunningConnection,
    FedConnection,
    ReportedConnection,
    TopicSubscriber,
    Departing,
    Sweepable,
    Wakeable
{
  readonly ref: ConnectionRef;
  readonly request: UpgradeRequest;
  readonly app: string;
  readonly handler: Handler;
  runningMethod: string | undefined;
  /** With `runningMethod`: by which of its patterns it took the message. */
  runningPattern: unknown;
  /** Among those that the sweeper sweeps. */
  place = -1;
  /** Of a hosted socket. */
  speaker: Speaker | undefined;

  readonly #owner: ConnectionOwner;
  readonly #options: ResolvedOptions;
  readonly #context: AsyncResource;
  readonly #transport: Transport;
  readonly #inbox: Inbox;
  readonly #pressure: Backpressure;
  readonly #liveness: Liveness;
  readonly #runner: CallbackRunner;
  readonly #openedAt: number;
  /** Exist once there is a timer, something to count, a callback to watch, a stream, a topic, a monitor. */
  #timers: InfoTimers | undefined;
  #traffic: TrafficCounter | undefined;
  #slowness: Slowness | undefined;
  #attachments: Attachments | undefined;
  #subscriptions: Subscriptions | undefined;
  #monitors: Monitors | undefined;
  #watchers: Watchers | undefined;
  /** For `init`, then let go. */
  #argument: unknown;

  /** Nothing is handled any more; the rest is up to the departure. */
  #isLeaving = false;
  #waking = false;
  #held = false;
  #gone = false;

  #ending: Ending | undefined;
  /** Exists once the end is decided. */
  #departure: Departure | undefined;
  #abort: AbortController | undefined;
  #reportedDrops: Set<CallbackName> | undefined;

  constructor(
    owner: ConnectionOwner,
    ref: ConnectionRef,
    spec: ConnectionSpec,
    connect: (listener: TransportListener) => Transport,
  ) {
    super();
    this.ref = ref;
    this.request = spec.request;
    this.#owner = owner;
    this.app = owner.app;
    this.handler = spec.handler;
    this.#options = spec.options;
    this.#context = spec.context;
    this.#transport = connect(this);
    this.#inbox = new Inbox(spec.options);
    this.#pressure = new Backpressure(this.#transport, this.#inbox);
    this.#openedAt = owner.clock.now();
    this.#liveness = new Liveness(spec.options, this.#openedAt);
    this.#runner = new CallbackRunner(this, spec.options, owner.clock);
    this.#argument = spec.argument;
    owner.sweeper.add(this, shortestLimit(spec.options));
  }

  // As the handler sees it

  get bufferedAmount(): number {
    return this.#transport.bufferedAmount;
  }

  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController();
      if (this.#ending !== undefined) this.#abort.abort();
    }
    return this.#abort.signal;
  }

  sendInfo(message: unknown): void {
    this.receiveInfo(message);
  }

  sendInfoAfter(ms: number, message: unknown): CancelTimer {
    checkDelay(ms);
    if (this.#ending !== undefined) return () => {};
    this.#timers ??= new InfoTimers(this.#owner.clock);
    return this.#timers.after(ms, () => this.receiveInfo(message));
  }

  attach<T>(source: StreamSource<T>, map?: (value: T) => unknown, options?: AttachOptions): CancelAttachment {
    const { maxMailbox } = this.#options;
    this.#attachments ??= new Attachments(this, this.#inbox, this.#context, maxMailbox);
    return this.#attachments.attach(source, map, options);
  }

  subscribe<T>(topic: string, options: SubscribeOptions<T> = {}): void {
    checkTopic('subscribe', topic);
    checkSubscribeOptions(options);
    if (this.#ending !== undefined) return;
    this.#subscriptions ??= new Subscriptions(this.#owner.topics, this);
    this.#subscriptions.add(topic, options);
  }

  unsubscribe(topic: string): void {
    checkTopic('unsubscribe', topic);
    this.#subscriptions?.remove(topic);
  }

  monitor(ref: ConnectionRef): CancelMonitor {
    checkRef(ref);
    if (this.#ending !== undefined) return NO_MONITOR;
    this.#monitors ??= new Monitors(this.#owner.monitor, (message) => this.receiveInfo(message));
    return this.#monitors.add(ref);
  }

  /** Calls `down` when `terminate` is done; undefined when it is already. */
  watch(down: Down): CancelMonitor | undefined {
    if (this.#departure?.hasTerminated) return undefined;
    return (this.#watchers ??= new Watchers()).add(down);
  }

  // What comes in

  /** Runs `init`. The transport delivers nothing before. */
  start(): void {
    this.#context.runInAsyncScope(this.#init, this);
  }

  receiveMessage(message: DataMessage, bytes: number): void {
    this.#counter.received.add(message[0], bytes);
    if (this.#ending !== undefined) this.#inbox.droppedMessages++;
    else this.#receive({ callback: 'handleIn', message });
  }

  receiveControl(message: ControlMessage): void {
    this.#counter.received.add(message[0], message[1].length);
    if (this.#ending !== undefined) return;
    // Before handleControl: a slow callback must not hold back the pong (RFC 6455 §5.5.2).
    if (message[0] === 'ping') this.#send('pong', message[1]);
    if (this.handler.websock.handleControl !== undefined)
      this.#receive({ callback: 'handleControl', message });
  }

  /** A message from elsewhere in the app. Only enqueues: `handleInfo` runs later, in this connection's own context. */
  receiveInfo(message: unknown, call?: PendingCall): void {
    if (this.#admitsInfo()) this.enqueue({ callback: 'handleInfo', message, call });
    else call?.ended();
  }

  /** A topic's message for the client. It leaves at once unless something is ahead of it: nothing here needs the connection's context. */
  receiveFastlane(message: Message): void {
    if (!this.#admitsInfo()) return;
    const outgoing = checkFastlaned(message, this.codec);
    if (this.#isFree() && this.#inbox.length === 0) this.deliver(outgoing);
    else this.enqueue({ callback: 'fastlane', message: outgoing });
  }

  #admitsInfo(): boolean {
    if (this.#ending === undefined && this.isOverloaded) this.#end(OVERLOAD);
    if (this.#ending === undefined) return true;
    this.#inbox.droppedInfo++;
    return false;
  }

  get isOverloaded(): boolean {
    return this.#inbox.isInfoFull && !this.#isFree();
  }

  enqueue(waiting: Waiting): void {
    this.#inbox.push(waiting);
    if (!this.#isFree() || this.#waking) return;
    this.#waking = true;
    wakeSoon(this);
  }

  wake(): void {
    this.#waking = false;
    this.#context.runInAsyncScope(this.#work, this);
  }

  receiveClose(code: number, reason: Uint8Array): void {
    this.#end(closedByClient(code, reason));
  }

  receiveViolation(error: ProtocolError): void {
    this.#end(violated(error));
  }

  sent(opcode: Opcode, bytes: number): void {
    this.#counter.sent.add(opcode, bytes);
  }

  drained(): void {
    if (!this.#pressure.pressured) return;
    this.#pressure.release();
    this.#context.runInAsyncScope(this.#continue, this);
  }

  transportClosed(): void {
    this.#gone = true;
    this.#pressure.lift();
    this.#decide(TRANSPORT_CLOSED);
    this.#departure!.transportClosed();
    this.#context.runInAsyncScope(this.#continue, this);
  }

  sweep(now: number, lost: number): void {
    if (lost > 0) this.#liveness.forgive(lost, now);
    switch (this.#liveness.look(this.#transport, now)) {
      case 'stuck':
        this.#leaveSweep();
        this.#decide(SEND_TIMEOUT);
        return this.#transport.destroy();
      case 'idle':
        return this.#end(IDLE_TIMEOUT);
      case 'ping':
        if (this.#ending === undefined) this.#send('ping', '');
    }
  }

  #leaveSweep(): void {
    this.#owner.sweeper.remove(this, shortestLimit(this.#options));
  }

  /** The server shuts down: works off what has been received, then ends. */
  shutDown(code: number): void {
    this.#end(shutDown(code));
    this.#departure!.hurry();
  }

  // For a hosted socket, which speaks past results

  /** Ends as a result of the handler's would. */
  stop(ending: Ending): void {
    this.endByHandler(ending);
    this.#context.runInAsyncScope(this.#continue, this);
  }

  /** More waits for the client than may. */
  overload(): void {
    this.#end(OVERLOAD);
  }

  /** Drops the transport without a close frame. */
  drop(): void {
    this.#transport.destroy();
  }

  get maxMailbox(): number {
    return this.#options.maxMailbox;
  }

  /** Ends at once: a callback that runs is abandoned, `terminate` is called but not awaited, the transport dropped. */
  destroy(code: number): void {
    this.#decide(shutDown(code));
    this.#context.runInAsyncScope(this.#abandon, this, 0);
    this.#departure!.cut();
  }

  // One callback after the other

  #init(): void {
    reportStart(this);
    const argument = this.#argument;
    this.#argument = undefined;
    this.#runner.init(argument);
    this.#work();
  }

  #receive(envelope: Envelope): void {
    if (this.#isFree() && this.#inbox.length === 0) {
      this.#context.runInAsyncScope(this.#handleAndWork, this, envelope);
    } else {
      this.#inbox.push(envelope);
      this.#pressure.update();
      if (this.#transport.cannotPause && this.#inbox.isFull(UNPAUSED)) this.#end(OVERLOAD);
    }
  }

  /** Nothing keeps the next message from its callback. */
  #isFree(): boolean {
    return this.#runner.isIdle && !this.#isLeaving && !this.#mustWait;
  }

  /** The client has to drain, or is to be held back. */
  get #mustWait(): boolean {
    return this.#pressure.pressured || this.speaker?.isHolding === true;
  }

  #handleAndWork(envelope: Envelope): void {
    this.#handle(envelope);
    this.#work();
  }

  /** Handles what waits, until nothing does or a callback, the client or the end says otherwise. */
  #work(): void {
    while (this.#runner.isIdle && !this.#isLeaving) {
      if (this.#inbox.length === 0) {
        if (this.#ending === undefined) break;
        this.#leave(this.#ending);
      } else if (this.#mustWait) {
        break;
      } else {
        this.#handle(this.#inbox.shift()!);
      }
    }
    this.#attachments?.proceed();
    this.#pressure.update();
    this.#updateHold();
  }

  #handle(envelope: Envelope | Fastlaned): void {
    if (envelope.callback === 'fastlane') this.deliver(envelope.message);
    else if (this.handler.websock[envelope.callback] === undefined) this.#drop(envelope);
    else this.#runner.run(envelope);
  }

  // What the runner asks

  get isPressured(): boolean {
    return this.#pressure.pressured;
  }

  /** For the values in its messages; undefined where none is set. */
  get codec(): Codec | undefined {
    return this.#options.codec;
  }

  /** What it has received and sent so far. */
  get traffic(): Traffic {
    return this.#traffic ?? NO_TRAFFIC;
  }

  get isEnding(): boolean {
    return this.#ending !== undefined;
  }

  /** No callback is begun any more: `terminate` has its turn, or has had it. */
  get isOver(): boolean {
    return this.#isLeaving;
  }

  deliver({ opcode, payload, shared }: Outgoing): void {
    if (!this.#gone) this.#send(opcode, payload, shared);
  }

  endByHandler(ending: Ending): void {
    this.#decide(ending);
    this.#inbox.drop();
  }

  callbackSuspended(): void {
    const { slowCallback } = this.#options;
    this.#slowness ??= new Slowness(this, this.#runner, this.#owner.sweeper, slowCallback);
    this.#slowness.watch();
    this.#updateHold();
  }

  callbackResumed(): void {
    this.#work();
  }

  /** After a drain, when the transport has gone, or the end is decided. */
  #continue(): void {
    this.#runner.proceed();
    this.speaker?.proceed();
    this.#work();
  }

  /** The handler has no callback for it. */
  #drop(envelope: Envelope): void {
    if (envelope.callback === 'handleInfo') {
      this.#inbox.droppedInfo++;
      envelope.call?.noReply();
    } else {
      this.#inbox.droppedMessages++;
    }
    // The first tells that the callback is missing; a client must not fill the log.
    if (this.#reportedDrops?.has(envelope.callback)) return;
    (this.#reportedDrops ??= new Set()).add(envelope.callback);
    reportDrop(this, envelope.callback);
  }

  #send(opcode: Opcode, payload: string | Uint8Array, shared?: SharedFrames): void {
    if (!this.#transport.send(opcode, payload, shared)) this.#press();
  }

  get #counter(): TrafficCounter {
    return (this.#traffic ??= new TrafficCounter());
  }

  #press(): void {
    this.#pressure.press();
    this.#updateHold();
  }

  /** The idle clock stands still while the client would not be heard anyway. */
  #updateHold(): void {
    const held = !this.#runner.isIdle || this.#pressure.pressured || this.#pressure.paused;
    if (held === this.#held) return;
    this.#held = held;
    this.#liveness.hold(held, this.#owner.clock.now());
  }

  // The end

  /** An ending from outside: decides it, and goes on to it unless a callback is at work. */
  #end(ending: Ending): void {
    if (this.#decide(ending)) this.#context.runInAsyncScope(this.#continue, this);
  }

  /** The first cause wins. From here on nothing new is received. */
  #decide(ending: Ending): boolean {
    if (this.#ending !== undefined) return false;
    this.#ending = ending;
    this.#departure = new Departure(this.#transport, this.#options, this.#owner.clock, this);
    this.#owner.endDecided(this);
    this.#timers?.clear();
    this.#subscriptions?.release();
    this.#monitors?.release();
    for (const call of this.#inbox.calls()) call.ended();
    this.#runner.endCall();
    if (ending.workOff) this.#limitWork(this.#departure);
    if (this.#abort !== undefined) this.#context.runInAsyncScope(this.#abort.abort, this.#abort);
    this.#attachments?.release();
    return true;
  }

  /** Bounds what was received before the end, and the callback that runs. */
  #limitWork(departure: Departure): void {
    if (this.#runner.isIdle && this.#inbox.length === 0) return;
    const { terminateTimeout } = this.#options;
    const abandon = (limit: number) => this.#context.runInAsyncScope(this.#abandon, this, limit);
    departure.limitWork(abandon);
    if (this.#runner.isRunning) this.#runner.limit(terminateTimeout, () => abandon(terminateTimeout));
  }

  /** Gives up the callback that runs and what waits behind it: late results are ignored. */
  #abandon(limit: number): void {
    if (this.#isLeaving) return;
    this.#runner.abandon(limit);
    this.#inbox.drop();
    this.#work();
  }

  #leave(ending: Ending): void {
    this.#isLeaving = true;
    this.runningMethod = undefined;
    const { websock } = this.handler;
    const terminate = () => websock.terminate!(ending.reason, this.#runner.state, factsOf(ending), this);
    const isCalled = websock.terminate !== undefined && this.#runner.isInitialised;
    this.#departure!.leave(ending, isCalled ? terminate : undefined);
  }

  terminated(): void {
    this.#watchers?.tell(this.#ending!.reason);
  }

  departed(): void {
    this.#leaveSweep();
    this.#slowness?.stop();
    const { droppedMessages, droppedInfo } = this.#inbox;
    this.#owner.ended(this, droppedInfo);
    reportStop(this, {
      ending: this.#ending!,
      duration: this.#owner.clock.now() - this.#openedAt,
      droppedMessages,
      droppedInfo,
    });
  }
}
