import { AsyncResource } from 'node:async_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { Connections } from '../../src/connection/connections.js';
import { handlerOf } from '../../src/connection/handler.js';
import { ConnectionRegistry } from '../../src/connection/registry.js';
import { MemoryServer, type MemoryClient } from '../../src/server/memory.js';
import type { MemoryPeer } from '../../src/server/memory-transport.js';
import { NO_STATUS_RECEIVED } from '../../src/websock/close.js';
import { resolveDrainer, resolveOptions } from '../../src/websock/options.js';
import { makeRequest } from '../../src/testing/test-request.js';
import type { Action, Case, Outcome, ShownFrame } from './case.js';
import { handlerClass, Machine, parseMachine } from './machine.js';
import { connectionOptions, serverOptions } from './options.js';
import { bytesOf, show, type PayloadSpec } from './payload.js';
import type { Trace, Traces } from './trace.js';

const LINGER = 250;

let games = 0;
const CALLBACKS = ['init', 'handle_in', 'handle_control', 'handle_info', 'terminate'];

/** Why a case cannot be played with whole messages on a connection that begins behind the upgrade; undefined if it can. */
export function notForMemory({
  request,
  early,
  client,
  expect,
  handler,
  upgrade,
  server,
}: Case): string | undefined {
  if (expect.status !== 101) return 'the upgrade is refused: there is none in memory';
  if (request !== undefined) return 'about the upgrade request: there is none in memory';
  if (early !== undefined) return 'about the packet of the upgrade request: there is none in memory';
  if (handler.via !== undefined && handler.via !== 'adapter')
    return 'about the upgrade: there is none in memory';
  if (handler.resp_headers !== undefined) return 'about the headers of the 101: there is none in memory';
  if (upgrade?.compress || server?.compress) return 'about compression: there is none in memory';
  const wire = client
    .flatMap(flat)
    .find(([name]) => name === 'frame' || name === 'raw' || name === 'bytewise');
  return wire && `${wire[0]}: about frames, not messages`;
}

/** What is different in memory: there are no headers, and what is sent has come when the client's call returns. */
export function inMemory(expected: Outcome, { id }: Case): Outcome {
  const marks = id === 'order.msgs_before_terminate' ? { sent: 1 } : expected.marks;
  return { ...expected, headers: [], marks };
}

function flat(action: Action): Action[] {
  return action[0] === 'batch' ? (action[1] as Action[]) : [action];
}

/** Plays one case in memory. */
export class MemoryGame {
  readonly #case: Case;
  readonly #traces: Traces;
  readonly #trace: Trace;
  readonly #registry = new ConnectionRegistry();
  readonly #frames: ShownFrame[] = [];
  readonly #marks: Record<string, number> = {};
  #client!: MemoryClient;
  #end: Outcome['tcp_end'] = 'open';
  #dropped = false;
  #wake = new Set<() => void>();

  constructor(testCase: Case, traces: Traces) {
    this.#case = testCase;
    this.#traces = traces;
    this.#trace = traces.of(`memory-${testCase.id}-${games++}`);
  }

  /** What is still to happen when the script is over is waited for until `settled` is content, but not for ever. */
  async play(settled: (outcome: Outcome) => boolean): Promise<Outcome> {
    this.#open();
    for (const action of this.#case.client) await this.#act(action);
    await this.#until(() => this.#end !== 'open', this.#case.linger ?? LINGER);
    await this.#until(() => settled(this.#outcome()), 3_000, 5);
    const outcome = await this.#answerClose(this.#outcome());
    // Nobody else ends a connection that the case leaves open.
    this.#client.reset();
    return outcome;
  }

  #open(): void {
    const { handler, upgrade = {}, server = {} } = this.#case;
    const spec = parseMachine(JSON.stringify(handler));
    const request = makeRequest();
    const { connection, client } = new MemoryServer(this.#registry).open(
      {
        handler: handlerOf(new (handlerClass(spec))()),
        argument: new Machine(spec, this.#trace, this.#traces),
        request,
        options: resolveOptions('case', serverOptions(server).defaults, connectionOptions(upgrade)),
        context: new AsyncResource('case'),
      },
      this.#peer(),
      // As the client on the wire: it does what the script says, and nothing else.
      { autoPong: false, autoClose: false },
    );
    this.#client = client;
    connection.start();
  }

  #peer(): MemoryPeer {
    return {
      receiveMessage: ([op, data]) => this.#see({ op, data: show(Buffer.from(data as Uint8Array)) }),
      receiveClose: (code, reason) =>
        this.#see({ op: 'close', code: code === NO_STATUS_RECEIVED ? null : code, reason: show(reason) }),
      ended: () => {
        this.#end = 'fin';
        this.#changed();
      },
    };
  }

  async #act([name, ...details]: Action): Promise<unknown> {
    const [first, second] = details;
    switch (name) {
      case 'text':
      case 'binary':
      case 'ping':
      case 'pong':
        return this.#client.send([name, bytesOf(first as PayloadSpec)]);
      case 'close':
        return this.#client.close((first as number | null) ?? undefined, bytesOf(second as PayloadSpec));
      case 'batch':
        for (const action of first as Action[]) void this.#act(action);
        return undefined;
      case 'wait':
        return sleep(first as number);
      case 'await':
        return this.#until(() => this.#frames.length >= first || this.#end !== 'open', second ?? 2_000);
      case 'await_end':
        return this.#until(() => this.#end !== 'open', first ?? 2_000);
      case 'mark':
        return (this.#marks[first as string] = this.#frames.length);
      case 'alive':
        return undefined;
      case 'info':
        return new Connections(this.#registry).sendInfo(this.#trace.ref!, first);
      case 'server_stop':
        return void this.#registry.drain(resolveDrainer(serverOptions(this.#case.server ?? {}).drainer));
      case 'half_close':
        return this.#client.end();
      case 'tcp_close':
      case 'tcp_drop':
        this.#dropped = true;
        return this.#client.reset();
      default:
        throw new Error(`unknown action ${name}`);
    }
  }

  #outcome(): Outcome {
    const callbacks = this.#trace.events
      .filter(({ ev }) => CALLBACKS.includes(ev))
      .map(({ t_us: _, ...event }) => event);
    return {
      status: 101,
      headers: [],
      frames: [...this.#frames],
      tcp_end: this.#dropped ? 'client_gone' : this.#end,
      callbacks,
      marks: this.#marks,
    };
  }

  /** A server may wait for the client's close frame before it ends the connection: then it gets one. */
  async #answerClose(outcome: Outcome): Promise<Outcome> {
    if (outcome.tcp_end !== 'open' || outcome.frames.at(-1)?.op !== 'close') return outcome;
    this.#client.close(1000);
    await this.#until(() => this.#end !== 'open', 3_000);
    return { ...outcome, tcp_end_answered: this.#end as Outcome['tcp_end_answered'] };
  }

  #see(frame: ShownFrame): void {
    this.#frames.push(frame);
    this.#changed();
  }

  #changed(): void {
    for (const look of this.#wake) look();
  }

  /** @param every look so often, ms, where nothing announces a change */
  #until(isThere: () => boolean, within: number, every?: number): Promise<void> {
    if (isThere()) return Promise.resolve();
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        clearInterval(interval);
        this.#wake.delete(look);
        resolve();
      };
      const look = () => isThere() && done();
      const timer = setTimeout(done, within);
      const interval = every === undefined ? undefined : setInterval(look, every);
      this.#wake.add(look);
    });
  }
}
