import { setTimeout as sleep } from 'node:timers/promises';
import { constants, inflateRawSync } from 'node:zlib';
import { closePayload, encodeFrame, OPCODE, readClose, type Frame } from '../support/frames.js';
import type { FrameClient } from '../support/frame-client.js';
import type { RawClient, RequestSpec } from '../support/raw-client.js';
import type { Action, Callback, Case, Outcome, ShownFrame } from './case.js';
import type { Control } from './control.js';
import { bytesOf, show, type PayloadSpec } from './payload.js';
import type { Transport } from './transport.js';

const LINGER = 250;
const PATIENCE = 3_000;
const LOOK_EVERY = 20;

/** Plays cases on the servers of one fixture. */
export class Runner {
  readonly #control: Control;
  readonly #ports = new Map<string, Promise<number>>();
  #played = 0;

  constructor(
    control: Control,
    private readonly transport: Transport,
  ) {
    this.#control = control;
  }

  /**
   * Plays one case. What the server still has to do when the script is over is waited for until `settled` says that the
   * outcome is what it should be, but not for ever.
   */
  async play(testCase: Case, settled: (outcome: Outcome) => boolean): Promise<Outcome> {
    const id = `${testCase.id}-${this.#played++}`;
    const port = await this.#portFor(testCase);
    const game = new Game(testCase, id, port, this.#control, this.transport);
    try {
      return await game.play(settled);
    } finally {
      game.end();
      if (testCase.own_server) await this.#control.stop(port);
    }
  }

  #portFor({ server = {}, own_server }: Case): Promise<number> {
    if (own_server) return this.#control.start(server);
    const key = JSON.stringify(server);
    let port = this.#ports.get(key);
    if (port === undefined) this.#ports.set(key, (port = this.#control.start(server)));
    return port;
  }
}

/** One case being played. */
class Game {
  #client!: FrameClient;
  #dropped = false;
  readonly #marks: Record<string, number> = {};

  constructor(
    private readonly testCase: Case,
    private readonly id: string,
    private readonly port: number,
    private readonly control: Control,
    private readonly transport: Transport,
  ) {}

  async play(settled: (outcome: Outcome) => boolean): Promise<Outcome> {
    const { request, early = [], client, linger = LINGER } = this.testCase;
    const opening = { path: this.#path(), ...request };
    this.#client = await this.transport.open(this.port, opening, bytesOfAll(early));
    // What follows a refusal is played only where the case itself goes on.
    if (this.#client.status === this.transport.upgraded || client.some(([name]) => name === 'upgrade_now')) {
      for (const action of client) await this.#act(action);
    }
    await this.#client.until(() => this.#client.tcpEnd !== 'open', linger);
    const outcome = await this.#settle(settled);
    return this.#answerClose(outcome);
  }

  end(): void {
    this.#client?.destroy();
  }

  #path(): string {
    const { handler, upgrade } = this.testCase;
    const h = Buffer.from(JSON.stringify({ ...handler, upgrade })).toString('base64url');
    return `/ws?id=${this.id}&h=${h}`;
  }

  async #act([name, ...details]: Action): Promise<unknown> {
    const client = this.#client;
    await this.transport.sent(client);
    const isOver = () => client.tcpEnd !== 'open';
    switch (name) {
      case 'wait':
        return sleep(details[0] as number);
      case 'await':
        return client.until(() => client.frames.length >= details[0] || isOver(), details[1] ?? 2_000);
      case 'await_end':
        return client.until(isOver, details[0] ?? 2_000);
      case 'mark':
        return (this.#marks[details[0] as string] = client.frames.length);
      case 'alive':
        return; // Whether Erlang's process still lives; what it did is in the callbacks.
      case 'info':
        return this.control.info(this.id, details[0] as string);
      case 'server_stop':
        return this.control.stop(this.port);
      case 'half_close':
        return client.end();
      case 'tcp_close':
        this.#dropped = true;
        return client.destroy();
      case 'tcp_drop':
        this.#dropped = true;
        return client.reset();
      case 'upgrade_now':
        return (client as RawClient).request({
          ...(this.testCase.request as RequestSpec),
          path: this.#path(),
        });
      case 'bytewise':
        return this.#writeSlowly(bytesOfAction(details[0] as Action));
      default:
        return client.write(bytesOfAction([name, ...details]));
    }
  }

  async #writeSlowly(bytes: Buffer): Promise<void> {
    for (const byte of bytes) {
      this.#client.write(Buffer.from([byte]));
      await sleep(2);
    }
  }

  async #settle(settled: (outcome: Outcome) => boolean): Promise<Outcome> {
    const start = performance.now();
    for (;;) {
      const outcome = await this.#look();
      if (settled(outcome) || performance.now() - start > PATIENCE) return outcome;
      await sleep(LOOK_EVERY);
    }
  }

  async #look(): Promise<Outcome> {
    const { status, headers, frames, tcpEnd } = this.#client;
    const { trace } = await this.control.trace(this.id);
    return {
      status,
      headers: headers.filter(([name]) => /^(x-|sec-websocket-)/.test(name)),
      frames: showFrames(frames),
      tcp_end: this.#dropped && tcpEnd === 'open' ? 'client_gone' : tcpEnd,
      callbacks: trace.filter(({ ev }) => isCallback(ev)).map(({ t_us: _, ...event }) => event as Callback),
      marks: this.#marks,
    };
  }

  /** A server may wait for the client's close frame before it ends the connection: then it gets one. */
  async #answerClose(outcome: Outcome): Promise<Outcome> {
    if (outcome.tcp_end !== 'open' || outcome.frames.at(-1)?.op !== 'close') return outcome;
    const client = this.#client;
    client.close(1000);
    await client.until(() => client.tcpEnd !== 'open', PATIENCE);
    return { ...outcome, tcp_end_answered: client.tcpEnd };
  }
}

function isCallback(ev: string): boolean {
  return (
    ev === 'init' ||
    ev === 'terminate' ||
    ev === 'handle_in' ||
    ev === 'handle_control' ||
    ev === 'handle_info'
  );
}

// Actions to bytes

function bytesOfAll(actions: Action[]): Buffer {
  return Buffer.concat(actions.map(bytesOfAction));
}

function bytesOfAction([name, first, second]: Action): Buffer {
  switch (name) {
    case 'text':
    case 'binary':
    case 'ping':
    case 'pong':
      return encodeFrame({ opcode: OPCODE[name], payload: bytesOf(first as PayloadSpec) });
    case 'close':
      return encodeFrame({
        opcode: OPCODE.close,
        payload: closePayload(first as number | undefined, bytesOf(second as PayloadSpec)),
      });
    case 'frame':
      return bytesOfFrame(first as FrameAction);
    case 'raw':
      return bytesOf({ hex: first as string });
    case 'batch':
      return bytesOfAll(first as Action[]);
    default:
      throw new Error(`unknown action ${name}`);
  }
}

interface FrameAction {
  op: number | 'cont' | Exclude<keyof typeof OPCODE, 'continuation'>;
  fin?: 0 | 1;
  rsv?: number;
  mask?: boolean;
  data?: PayloadSpec;
  len?: number;
}

function bytesOfFrame({ op, fin = 1, rsv, mask, data, len }: FrameAction): Buffer {
  const opcode = typeof op === 'number' ? op : OPCODE[op === 'cont' ? 'continuation' : op];
  return encodeFrame({ opcode, fin: fin === 1, rsv, mask, payload: bytesOf(data), claimedLength: len });
}

// Frames to what is shown of them

const NAMES: Readonly<Record<number, string>> = {
  0: 'cont',
  1: 'text',
  2: 'binary',
  8: 'close',
  9: 'ping',
  10: 'pong',
};
const COMPRESSED = 4;
/** What a sender takes off the end of a compressed message (RFC 7692 §7.2.1). */
const EMPTY_BLOCK = Buffer.from([0, 0, 255, 255]);

function showFrames(frames: Frame[]): ShownFrame[] {
  const inflate = inflater();
  return frames.map((frame) => showFrame(frame, inflate));
}

function showFrame(frame: Frame, inflate: (payload: Buffer) => Buffer): ShownFrame {
  const { fin, rsv, opcode, masked, payload } = frame;
  const shown: ShownFrame = {
    op: NAMES[opcode] ?? opcode,
    ...(fin ? {} : { fin: 0 }),
    ...(rsv === 0 ? {} : { rsv }),
    ...(masked ? { masked: true } : {}),
  };
  if (opcode === OPCODE.close) {
    const { code = null, reason } = readClose(frame);
    return { ...shown, code, reason: show(reason) };
  }
  if (rsv === COMPRESSED) return { ...shown, inflated: show(inflate(payload)), deflated_len: payload.length };
  return { ...shown, data: show(payload) };
}

/** Inflates one message after the other, whether or not they share a context. */
function inflater(): (payload: Buffer) => Buffer {
  let input = Buffer.alloc(0);
  let done = 0;
  return (payload) => {
    input = Buffer.concat([input, payload, EMPTY_BLOCK]);
    const output = inflateRawSync(input, { finishFlush: constants.Z_SYNC_FLUSH });
    const message = output.subarray(done);
    done = output.length;
    return message;
  };
}
