import type { Cancel, Clock } from '../connection/clock.js';
import type { Elsewhere } from '../connection/elsewhere.js';
import { telemetry } from '../telemetry/events.js';
import type { ConnectionRef } from '../websock/connection.js';
import { CallTimeoutError, ConnectionEndedError, EngineError, UnknownRefError } from '../websock/errors.js';
import { ByteReader } from './bytes.js';
import type { InfoEncoding } from './info-encoding.js';
import type { NodeMail } from './node-mail.js';
import type { EncodedInfo } from './packet.js';
import { errorOf } from './remote-errors.js';
import { Bodies, REMOTE, type RemoteKind } from './remote-messages.js';
import type { RemoteRequests } from './remote-requests.js';

/** After this node has said hello, others may still make themselves known for so long, ms. */
export const FIRST_ANSWERS = 1_000;

export interface RemoteConnectionsSetup {
  readonly app: string;
  readonly mail: NodeMail;
  readonly encoding: InfoEncoding;
  readonly clock: Clock;
  /** What other nodes ask of the connections here. */
  readonly requests: RemoteRequests;
  readonly isUp: (node: string) => boolean;
}

interface RemoteCall {
  readonly ref: ConnectionRef;
  readonly node: string;
  readonly timeout: number;
  readonly resolve: (term: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly cancelTimeout: Cancel;
}

interface RemoteMonitor {
  readonly ref: ConnectionRef;
  readonly node: string;
  readonly down: (reason: unknown) => void;
}

/** The connections of other nodes: sends what is for them there, and waits for what comes back. */
export class RemoteConnections implements Elsewhere {
  readonly #setup: RemoteConnectionsSetup;
  readonly #calls = new Map<number, RemoteCall>();
  readonly #monitors = new Map<number, RemoteMonitor>();
  /** Those who wait to hear of a node, until the first answers must be there. */
  readonly #waiting = new Map<string, Set<() => void>>();
  #mayStillCome: boolean = true;
  #cancelFirstAnswers: Cancel = () => {};
  #ids = 0;

  constructor(setup: RemoteConnectionsSetup) {
    this.#setup = setup;
    setup.mail.deliver('connections', (from, body) => this.#receive(from, body));
  }

  /** This node has said hello. */
  start(): void {
    this.#cancelFirstAnswers = this.#setup.clock.after(FIRST_ANSWERS, () => this.#expectNobody());
  }

  sendInfo(ref: ConnectionRef, message: unknown): void {
    this.#prepareInfo(ref, message)();
  }

  sendInfoAfter(ref: ConnectionRef, ms: number, message: unknown): () => void {
    return this.#setup.clock.after(ms, this.#prepareInfo(ref, message));
  }

  async call(ref: ConnectionRef, message: unknown, timeout: number): Promise<unknown> {
    const info = this.#setup.encoding.encode(message);
    const node = nodeOf(ref);
    const { clock } = this.#setup;
    const begin = clock.now();
    if (node !== undefined && !this.#setup.isUp(node)) await this.#heardOf(node, timeout);
    if (node === undefined || !this.#setup.isUp(node)) throw new UnknownRefError(ref);
    const left = timeout - (clock.now() - begin);
    if (!(left > 0)) throw new CallTimeoutError(ref, timeout);
    return this.#send(ref, node, info, timeout, left);
  }

  monitor(ref: ConnectionRef, down: (reason: unknown) => void): () => void {
    const node = nodeOf(ref);
    const id = this.#ids++;
    if (node === undefined) queueMicrotask(() => this.#down(id, 'noproc'));
    this.#monitors.set(id, { ref, node: node ?? '', down });
    if (node !== undefined) void this.#watch(id, node);
    return () => {
      if (this.#monitors.delete(id) && node !== undefined)
        this.#setup.mail.sendTo(node, 'connections', Bodies.unwatch(id));
    };
  }

  nodeUp(node: string): void {
    for (const proceed of this.#waiting.get(node) ?? []) proceed();
    this.#waiting.delete(node);
  }

  /** What was to come from it will not come. */
  nodeDown(node: string): void {
    this.#setup.requests.nodeDown(node);
    for (const [id, call] of this.#calls)
      if (call.node === node) this.#settle(id)?.reject(new ConnectionEndedError(call.ref));
    for (const [id, monitor] of this.#monitors) if (monitor.node === node) this.#down(id, 'noconnection');
  }

  /** A node may have let go what this one watches there: asks again. What has ended meanwhile is answered. */
  watchAgain(node?: string): void {
    for (const [id, monitor] of this.#monitors)
      if (node === undefined || node === monitor.node) this.#sendWatch(id, monitor);
  }

  stop(): void {
    this.#cancelFirstAnswers();
    this.#expectNobody();
    for (const [id, { ref }] of this.#calls) this.#settle(id)?.reject(new ConnectionEndedError(ref));
    this.#monitors.clear();
  }

  /** Encodes it now; the function returned sends it. */
  #prepareInfo(ref: ConnectionRef, message: unknown): () => void {
    const info = this.#setup.encoding.encode(message);
    const node = nodeOf(ref);
    return () => {
      if (node === undefined) return this.#lose(ref);
      const send = () => this.#sendInfo(node, ref, info);
      const isToCome = this.#mayStillCome && !this.#setup.isUp(node);
      if (isToCome || this.#waiting.has(node)) this.#waitFor(node, send);
      else send();
    };
  }

  #sendInfo(node: string, ref: ConnectionRef, info: EncodedInfo): void {
    if (!this.#setup.isUp(node)) return this.#lose(ref);
    this.#setup.mail.sendTo(node, 'connections', Bodies.info(ref, info), () => this.#lose(ref));
  }

  #send(
    ref: ConnectionRef,
    node: string,
    info: EncodedInfo,
    timeout: number,
    left: number,
  ): Promise<unknown> {
    const id = this.#ids++;
    return new Promise((resolve, reject) => {
      const cancelTimeout = this.#setup.clock.after(left, () =>
        this.#settle(id)?.reject(new CallTimeoutError(ref, timeout)),
      );
      this.#calls.set(id, { ref, node, timeout, resolve, reject, cancelTimeout });
      this.#setup.mail.sendTo(node, 'connections', Bodies.call(id, left, ref, info), () =>
        this.#settle(id)?.reject(new EngineError('publish', `the call to ${ref} could not be published`)),
      );
    });
  }

  /** Who waits for a node waits in vain. */
  #expectNobody(): void {
    this.#mayStillCome = false;
    const all = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const waiting of all) for (const proceed of waiting) proceed();
  }

  /** Until a node is up, or can no longer be expected to be. */
  #heardOf(node: string, limit: number): Promise<void> {
    if (!this.#mayStillCome) return Promise.resolve();
    return new Promise((resolve) => {
      const cancel = this.#setup.clock.after(limit, resolve);
      this.#waitFor(node, () => {
        cancel();
        resolve();
      });
    });
  }

  /** At once when the node is up, so that nothing overtakes what waits. */
  #waitFor(node: string, proceed: () => void): void {
    const waiting = this.#waiting.get(node) ?? new Set();
    this.#waiting.set(node, waiting.add(proceed));
  }

  async #watch(id: number, node: string): Promise<void> {
    if (!this.#setup.isUp(node)) await this.#heardOf(node, Infinity);
    const monitor = this.#monitors.get(id);
    if (monitor === undefined) return;
    if (this.#setup.isUp(node)) this.#sendWatch(id, monitor);
    else this.#down(id, 'noconnection');
  }

  #sendWatch(id: number, { ref, node }: RemoteMonitor): void {
    this.#setup.mail.sendTo(node, 'connections', Bodies.watch(id, ref));
  }

  #receive(from: string, body: Buffer): void {
    const reader = new ByteReader(body);
    const kind = reader.byte() as RemoteKind;
    if (kind === REMOTE.reply || kind === REMOTE.failure) return this.#answered(kind, reader);
    if (kind === REMOTE.down) return this.#ended(reader.varint(), reader);
    this.#setup.requests.receive(from, kind, reader);
  }

  #answered(kind: RemoteKind, reader: ByteReader): void {
    const id = reader.varint();
    const call = this.#calls.get(id);
    if (call === undefined) return;
    if (kind === REMOTE.failure) {
      const failure = { code: reader.text(), message: reader.text() };
      return this.#settle(id)?.reject(errorOf(failure, call.ref, call.timeout));
    }
    try {
      const term = this.#setup.encoding.read(reader);
      this.#settle(id)?.resolve(term);
    } catch (error) {
      this.#settle(id)?.reject(
        new EngineError('deliver', `the reply of ${call.ref} cannot be read`, { cause: error }),
      );
    }
  }

  /** A reason that cannot be read is no reason to wait on. */
  #ended(id: number, reader: ByteReader): void {
    let reason: unknown = ['error', 'the reason cannot be read'];
    try {
      reason = this.#setup.encoding.read(reader);
    } finally {
      this.#down(id, reason);
    }
  }

  #settle(id: number): RemoteCall | undefined {
    const call = this.#calls.get(id);
    this.#calls.delete(id);
    call?.cancelTimeout();
    return call;
  }

  #down(id: number, reason: unknown): void {
    const monitor = this.#monitors.get(id);
    if (this.#monitors.delete(id)) monitor!.down(reason);
  }

  #lose(ref: ConnectionRef): void {
    if (telemetry.infoLost.hasSubscribers) telemetry.infoLost.publish({ app: this.#setup.app, ref });
  }
}

/** The node of a reference; undefined for what is none. */
function nodeOf(ref: ConnectionRef): string | undefined {
  const dot = ref.indexOf('.');
  // A node's name has 16 characters at most: a ref from anywhere must not make a channel.
  return dot > 0 && dot <= 64 ? ref.slice(0, dot) : undefined;
}
