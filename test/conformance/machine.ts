import type {
  CloseReason,
  Connection,
  ControlMessage,
  DataMessage,
  HandleResult,
  Payload,
  WebSock,
} from '../../src/core.js';
import { bytesOf, show, type PayloadSpec } from './payload.js';
import { showReason, type Trace, type Traces } from './trace.js';

/** What runs before a result is returned. */
type Step =
  | [name: 'sleep', ms: number]
  | [name: 'send_self', message: string]
  | [name: 'send_after', ms: number, message: string];

type Tuple = [tag: string, ...rest: unknown[]];

/** A result, or a result with what comes before it. */
type ResultSpec = Tuple | { before?: Step[]; result: Tuple };

interface RuleSpec {
  /** The payload or message it is for; none or `*` is any. */
  match?: string;
  op?: string;
  before?: Step[];
  result: Tuple;
}

/** A handler in machine form (README.md). */
export interface MachineSpec {
  via?: string;
  module?: string;
  resp_headers?: [name: string, value: string][];
  upgrade?: Record<string, unknown>;
  init?: ResultSpec;
  handle_in?: RuleSpec[];
  handle_control?: RuleSpec[];
  handle_info?: RuleSpec[];
  terminate?: ResultSpec;
}

/** What the words `$same`, `$op`, `$data` stand for. */
interface Scope {
  readonly name: string;
  readonly op?: string;
  readonly data?: Payload;
}

/** A state: its name, and the machine whose it is. */
export interface State {
  readonly machine: Machine;
  readonly name: string;
}

type MaybeAsync<T> = T | Promise<T>;
type Result = MaybeAsync<HandleResult<State>>;

const KEEP: Tuple = ['ok', '$same'];
const FIRST_STATE = 'S0';

/** Plays a handler in machine form for one connection, and writes down what was called. */
export class Machine {
  constructor(
    private readonly spec: MachineSpec,
    private readonly trace: Trace,
    private readonly traces: Traces,
  ) {}

  init(connection: Connection): Result {
    this.traces.started(this.trace, connection.ref);
    this.trace.add('init', { state: FIRST_STATE });
    return this.#play(unfold(this.spec.init ?? ['ok', FIRST_STATE]), { name: FIRST_STATE }, connection);
  }

  handleIn([op, data]: DataMessage, name: string, connection: Connection): Result {
    const bytes = Buffer.from(data as Uint8Array);
    this.trace.add('handle_in', { opcode: op, data: show(bytes), state: name });
    const rule = find(this.spec.handle_in, bytes.toString(), op);
    return this.#play(rule, { name, op, data }, connection);
  }

  handleControl([op, data]: ControlMessage, name: string, connection: Connection): Result {
    this.trace.add('handle_control', { opcode: op, data: show(data), state: name });
    const rule = find(this.spec.handle_control, data.toString(), op);
    return this.#play(rule, { name, op, data }, connection);
  }

  handleInfo(message: string, name: string, connection: Connection): Result {
    this.trace.add('handle_info', { msg: message, state: name });
    return this.#play(find(this.spec.handle_info, message), { name, data: message }, connection);
  }

  terminate(reason: CloseReason, name: string, connection: Connection): unknown {
    this.trace.add('terminate', { reason: showReason(reason), state: name });
    return this.#play(unfold(this.spec.terminate ?? KEEP), { name }, connection);
  }

  #play({ before = [], result }: RuleSpec, scope: Scope, connection: Connection): Result {
    if (before.some(([step]) => step === 'sleep')) return this.#playAsync(before, result, scope, connection);
    for (const step of before) takeStep(step, connection);
    return this.#answer(result, scope);
  }

  async #playAsync(
    before: Step[],
    result: Tuple,
    scope: Scope,
    connection: Connection,
  ): Promise<HandleResult<State>> {
    for (const step of before) await takeStep(step, connection);
    return this.#answer(result, scope);
  }

  #answer([tag, ...rest]: Tuple, scope: Scope): HandleResult<State> {
    switch (tag) {
      case 'raise':
        throw new RuntimeError(rest[0] as string);
      case 'throw':
      case 'exit':
        throw term(rest[0]);
      case 'bad':
        return term(rest[0]) as HandleResult<State>;
      default:
        return [tag, ...this.#arguments(tag, rest, scope)] as unknown as HandleResult<State>;
    }
  }

  #arguments(tag: string, rest: unknown[], scope: Scope): unknown[] {
    const name = rest.at(-1) as string;
    const state: State = { machine: this, name: name === '$same' ? scope.name : name };
    const [first, second, third] = rest;
    if (tag === 'push') return [messages(first, scope), state];
    if (tag === 'reply') return [first, messages(second, scope), state];
    if (tag !== 'stop') return [state];
    if (rest.length === 2) return [term(first), state];
    if (rest.length === 3) return [term(first), detail(second), state];
    return [term(first), detail(second), messages(third, scope), state];
  }
}

/** What `["raise", text]` throws. */
class RuntimeError extends Error {
  override name = 'RuntimeError';
}

// The modules: which callbacks the handler has. As classes, so that Nest can serve them.

class Bare {
  init(machine: Machine, connection: Connection): Result {
    return machine.init(connection);
  }

  handleIn(message: DataMessage, { machine, name }: State, connection: Connection): Result {
    return machine.handleIn(message, name, connection);
  }
}

export class MinimalHandler extends Bare {
  handleInfo(message: string, { machine, name }: State, connection: Connection): Result {
    return machine.handleInfo(message, name, connection);
  }
}

export class NoTerminateHandler extends MinimalHandler {
  handleControl(message: ControlMessage, { machine, name }: State, connection: Connection): Result {
    return machine.handleControl(message, name, connection);
  }
}

export class NoControlHandler extends MinimalHandler {
  terminate(reason: CloseReason, { machine, name }: State, _facts: unknown, connection: Connection): unknown {
    return machine.terminate(reason, name, connection);
  }
}

export class FullHandler extends NoTerminateHandler {
  terminate(reason: CloseReason, { machine, name }: State, _facts: unknown, connection: Connection): unknown {
    return machine.terminate(reason, name, connection);
  }
}

export class NoInfoHandler extends Bare {
  handleControl(message: ControlMessage, { machine, name }: State, connection: Connection): Result {
    return machine.handleControl(message, name, connection);
  }

  terminate(reason: CloseReason, { machine, name }: State, _facts: unknown, connection: Connection): unknown {
    return machine.terminate(reason, name, connection);
  }
}

type HandlerClass = new () => WebSock<State, Machine, string>;

const MODULES: Readonly<Record<string, HandlerClass>> = {
  full: FullHandler,
  echo: FullHandler,
  no_control: NoControlHandler,
  no_terminate: NoTerminateHandler,
  minimal: MinimalHandler,
  no_info: NoInfoHandler,
};

export const HANDLERS = [...new Set(Object.values(MODULES))];

export function handlerClass({ module = 'full' }: MachineSpec): HandlerClass {
  const handler = MODULES[module];
  if (handler === undefined) throw new Error(`unknown module ${module}`);
  return handler;
}

const ECHO: RuleSpec[] = [{ result: ['push', ['$op', '$data'], '$same'] }];

export function parseMachine(json: string): MachineSpec {
  const spec = JSON.parse(json) as MachineSpec;
  return spec.module === 'echo' ? { handle_in: ECHO, ...spec } : spec;
}

// Machine form to values

function find(rules: RuleSpec[] = [], data: string, op?: string): RuleSpec {
  const fits = ({ match, op: wanted }: RuleSpec) =>
    (match === undefined || match === '*' || match === data) && (wanted === undefined || wanted === op);
  return rules.find(fits) ?? { result: KEEP };
}

function unfold(spec: ResultSpec): RuleSpec {
  return Array.isArray(spec) ? { result: spec } : spec;
}

function takeStep(step: Step, connection: Connection): unknown {
  switch (step[0]) {
    case 'sleep':
      return new Promise((resolve) => setTimeout(resolve, step[1]));
    case 'send_self':
      return connection.sendInfo(step[1]);
    case 'send_after':
      return connection.sendInfoAfter(step[1], step[2]);
    default:
      throw new Error(`unknown step ${String(step[0])}`);
  }
}

/** An Erlang term: atoms are strings, tuples lists. */
function term(spec: unknown): unknown {
  if (typeof spec !== 'object' || spec === null) return spec;
  if ('t' in spec) return (spec.t as unknown[]).map(term);
  if ('s' in spec) return spec.s;
  return spec;
}

function detail(spec: unknown): unknown {
  if (Array.isArray(spec)) return [spec[0], isText(spec[1]) ? spec[1] : bytesOf(spec[1] as PayloadSpec)];
  return typeof spec === 'object' && spec !== null && 'bad' in spec ? spec.bad : spec;
}

function isText(spec: unknown): boolean {
  return spec === null || typeof spec === 'string';
}

function messages(spec: unknown, scope: Scope): unknown {
  const list = spec as unknown[];
  return typeof list[0] === 'string'
    ? message(list, scope)
    : list.map((item) => message(item as unknown[], scope));
}

function message([op, data]: unknown[], scope: Scope): unknown {
  return [op === '$op' ? scope.op : op, payload(data, scope)];
}

function payload(spec: unknown, scope: Scope): unknown {
  if (spec === '$data') return scope.data;
  if (spec === '$state') return scope.name;
  if (isText(spec)) return spec;
  if (typeof spec === 'object' && 'iolist' in spec!) return iolist(spec.iolist);
  return bytesOf(spec as PayloadSpec);
}

function iolist(spec: unknown): unknown {
  if (Array.isArray(spec)) return spec.map(iolist);
  return isText(spec) ? spec : bytesOf(spec as PayloadSpec);
}
