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
import type { SubscribeOptions } from '../websock/topic.js';
import type { FedConnection } from './attachment.js';
import { Belongings } from './belongings.js';
import { CallbackRunner, type RunningConnection } from './callback-runner.js';
import type { PendingCall } from './call.js';
import { Departure, type Departing } from './departure.js';
import {
  closedByClient,
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
import { Line } from './line.js';
import { shortestLimit } from './liveness.js';
import { Watchers, type Down } from './monitors.js';
import type { ConnectionOwner, ConnectionSpec } from './opening.js';
import type { Outgoing } from './outgoing.js';
import { reportDrop, reportStart, reportStop, type ReportedConnection } from './reports.js';
import type { Speaker } from './speaker.js';
import type { Sweepable } from './sweeper.js';
import type { TopicSubscriber } from './topics.js';
import type { Transport, TransportListener } from './transport.js';
import { wakeSoon, type Wakeable } from './wake.js';

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
  readonly #inbox: Inbox;
  readonly #line: Line;
  readonly #runner: CallbackRunner;
  readonly #openedAt: number;
  /** For `init`, then let go. */
  #argument: unknown;
  #isWaking = false;
  /** Exist once the handler has got something, somebody watches it, the end is decided. */
  #belongings: Belongings | undefined;
  #watchers: Watchers | undefined;
  #departure: Departure | undefined;

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
    this.#inbox = new Inbox(spec.options);
    this.#line = new Line(connect(this), this.#inbox, spec.options, owner.clock);
    this.#runner = new CallbackRunner(this, this.#line, spec.options, owner);
    this.#openedAt = owner.clock.now();
    this.#argument = spec.argument;
    owner.sweeper.add(this, shortestLimit(spec.options));
  }

  // As the handler sees it

  get bufferedAmount(): number {
    return this.#line.bufferedAmount;
  }

  get signal(): AbortSignal {
    return this.#own().signal;
  }

  sendInfo(message: unknown): void {
    this.receiveInfo(message);
  }

  sendInfoAfter(ms: number, message: unknown): CancelTimer {
    return this.#own().sendInfoAfter(ms, message);
  }

  subscribe<T>(topic: string, options?: SubscribeOptions<T>): void {
    this.#own().subscribe(topic, options);
  }

  unsubscribe(topic: string): void {
    this.#own().unsubscribe(topic);
  }

  monitor(ref: ConnectionRef): CancelMonitor {
    return this.#own().monitor(ref);
  }

  attach<T>(source: StreamSource<T>, map?: (value: T) => unknown, options?: AttachOptions): CancelAttachment {
    return this.#own().attach(source, map, options);
  }

  #own(): Belongings {
    return (this.#belongings ??= new Belongings(this, this.#owner, this.#inbox, this.#context));
  }

  // What comes in

  /** Runs `init`. The transport delivers nothing before. */
  start(): void {
    this.#context.runInAsyncScope(this.#init, this);
  }

  receiveMessage(message: DataMessage, bytes: number): void {
    this.#line.countReceived(message[0], bytes);
    if (this.isEnding) this.#inbox.droppedMessages++;
    else this.#receive({ callback: 'handleIn', message });
  }

  receiveControl(message: ControlMessage): void {
    this.#line.countReceived(message[0], message[1].length);
    if (this.isEnding) return;
    // Before handleControl: a slow callback must not hold back the pong (RFC 6455 §5.5.2).
    if (message[0] === 'ping') this.#line.sendControl('pong', message[1]);
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
    if (!this.isEnding && this.isOverloaded) this.#end(OVERLOAD);
    if (!this.isEnding) return true;
    this.#inbox.droppedInfo++;
    return false;
  }

  get isOverloaded(): boolean {
    return this.#inbox.isInfoFull && !this.#isFree();
  }

  enqueue(waiting: Waiting): void {
    this.#inbox.push(waiting);
    if (!this.#isFree() || this.#isWaking) return;
    this.#isWaking = true;
    wakeSoon(this);
  }

  wake(): void {
    this.#isWaking = false;
    this.#context.runInAsyncScope(this.#work, this);
  }

  receiveClose(code: number, reason: Uint8Array): void {
    this.#end(closedByClient(code, reason));
  }

  receiveViolation(error: ProtocolError): void {
    this.#end(violated(error));
  }

  sent(opcode: Opcode, bytes: number): void {
    this.#line.countSent(opcode, bytes);
  }

  drained(): void {
    if (!this.#line.isPressured) return;
    this.#line.release();
    this.#context.runInAsyncScope(this.#continue, this);
  }

  transportClosed(): void {
    this.#line.lift();
    this.#decide(TRANSPORT_CLOSED);
    this.#departure!.transportClosed();
    this.#context.runInAsyncScope(this.#continue, this);
  }

  sweep(now: number, lost: number): void {
    switch (this.#line.look(now, lost)) {
      case 'stuck':
        this.#leaveSweep();
        this.#decide(SEND_TIMEOUT);
        return this.#line.destroy();
      case 'idle':
        return this.#end(IDLE_TIMEOUT);
      case 'ping':
        if (!this.isEnding) this.#line.sendControl('ping', '');
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

  /** Ends at once: a callback that runs is abandoned, `terminate` is called but not awaited, the transport dropped. */
  destroy(code: number): void {
    this.#decide(shutDown(code));
    this.#departure!.cut();
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
    this.#line.destroy();
  }

  get maxMailbox(): number {
    return this.#options.maxMailbox;
  }

  get maxBufferedAmount(): number {
    return this.#options.maxBufferedAmount;
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
      this.#line.update(!this.#runner.isIdle);
      if (this.#line.isFlooded) this.#end(OVERLOAD);
    }
  }

  /** Nothing keeps the next message from its callback. */
  #isFree(): boolean {
    return this.#runner.isIdle && !this.isOver && !this.#mustWait();
  }

  /** The client has to drain, or is to be held back. */
  #mustWait(): boolean {
    return this.#line.isPressured || this.speaker?.isHolding === true;
  }

  #handleAndWork(envelope: Envelope): void {
    this.#handle(envelope);
    this.#work();
  }

  /** Handles what waits, until nothing does or a callback, the client or the end says otherwise. */
  #work(): void {
    while (this.#runner.isIdle && !this.isOver) {
      if (this.#inbox.length === 0) {
        if (this.#departure === undefined) break;
        this.#departure.leave();
      } else if (this.#mustWait()) {
        break;
      } else {
        this.#handle(this.#inbox.shift()!);
      }
    }
    this.#belongings?.proceed();
    this.#line.update(!this.#runner.isIdle);
  }

  #handle(envelope: Envelope | Fastlaned): void {
    const { callback } = envelope;
    if (callback === 'fastlane') this.deliver(envelope.message);
    else if (this.handler.websock[callback] !== undefined) this.#runner.run(envelope);
    // The first tells that the callback is missing; a client must not fill the log.
    else if (this.#inbox.refuse(envelope)) reportDrop(this, callback);
  }

  // What others ask of it

  get isPressured(): boolean {
    return this.#line.isPressured;
  }

  /** For the values in its messages; undefined where none is set. */
  get codec(): Codec | undefined {
    return this.#options.codec;
  }

  /** What it has received and sent so far. */
  get traffic(): Traffic {
    return this.#line.traffic;
  }

  get isEnding(): boolean {
    return this.#departure !== undefined;
  }

  /** No callback is begun any more: `terminate` has its turn, or has had it. */
  get isOver(): boolean {
    return this.#departure?.hasLeft === true;
  }

  deliver(message: Outgoing): void {
    this.#line.deliver(message);
  }

  endByHandler(ending: Ending): void {
    this.#decide(ending);
    this.#inbox.drop();
  }

  /** Does what is next: what waits, or the way out. */
  goOn(): void {
    this.#work();
  }

  /** After a drain, when the transport has gone, or the end is decided. */
  #continue(): void {
    this.#runner.proceed();
    this.speaker?.proceed();
    this.#work();
  }

  // The end

  /** An ending from outside: decides it, and goes on to it unless a callback is at work. */
  #end(ending: Ending): void {
    if (this.#decide(ending)) this.#context.runInAsyncScope(this.#continue, this);
  }

  /** The first cause wins. From here on nothing new is received. */
  #decide(ending: Ending): boolean {
    if (this.#departure !== undefined) return false;
    this.#departure = new Departure(this, ending, {
      runner: this.#runner,
      inbox: this.#inbox,
      line: this.#line,
      options: this.#options,
      clock: this.#owner.clock,
      context: this.#context,
    });
    this.#owner.endDecided(this);
    for (const call of this.#inbox.calls()) call.ended();
    this.#runner.endCall();
    if (ending.workOff) this.#departure.limitWork();
    this.#belongings?.release();
    return true;
  }

  /** Calls `down` when `terminate` is done; undefined when it is already. */
  watch(down: Down): CancelMonitor | undefined {
    if (this.#departure?.hasTerminated) return undefined;
    return (this.#watchers ??= new Watchers()).add(down);
  }

  terminated(): void {
    this.#watchers?.tell(this.#departure!.ending.reason);
  }

  departed(): void {
    this.#leaveSweep();
    this.#runner.retire();
    const { droppedMessages, droppedInfo } = this.#inbox;
    this.#owner.ended(this, droppedInfo);
    reportStop(this, {
      ending: this.#departure!.ending,
      duration: this.#owner.clock.now() - this.#openedAt,
      droppedMessages,
      droppedInfo,
    });
  }
}
