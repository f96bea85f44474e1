import {
  binary,
  ok,
  ping,
  push,
  reply,
  stop,
  text,
  type Awaitable,
  type CloseDetail,
  type Connection,
  type DataMessage,
  type HandleResult,
  type Messages,
  type WebSock,
} from 'nestjs-websock/core';

interface State {
  readonly n: number;
}

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const same = <A, B>(..._: Equal<A, B> extends true ? [] : ['not the same', A, B]): void => {};

// Results narrow by tag and by length, without casts.
export function narrowed(result: HandleResult<State>): void {
  switch (result[0]) {
    case 'ok':
      same<(typeof result)[1], State>();
      break;
    case 'push':
      same<(typeof result)[1], Messages>();
      same<(typeof result)[2], State>();
      break;
    case 'reply':
      same<(typeof result)[1], unknown>();
      same<(typeof result)[3], State>();
      break;
    case 'stop':
      if (result.length === 3) same<(typeof result)[2], State>();
      else if (result.length === 4) same<(typeof result)[2], CloseDetail>();
      else same<(typeof result)[3], Messages>();
      break;
    default:
      same<typeof result, never>();
  }
}

// An inbound message narrows by its opcode.
export function message([opcode, data]: DataMessage): void {
  if (opcode === 'text') same<typeof data, string>();
  else same<typeof data, Buffer>();
}

// Helpers need no annotation: synchronous, asynchronous, unions.
const takes = (_: (state: State) => Awaitable<HandleResult<State>>): void => {};
takes((state) => ok(state));
takes((state) => push(text('a'), state));
takes((state) => push([text('a'), binary(new Uint8Array(1)), ping()], state));
takes((state) => push(text(['a', ['b', null, new Uint8Array(1)]]), state));
takes((state) => reply({ any: 'term' }, [], state));
takes((state) => stop('normal', state));
takes((state) => stop(['shutdown', 'restart'], [4000, 'why'], text('last'), state));
takes((state) => (state.n > 3 ? stop('normal', 4000, state) : ok({ n: state.n + 1 })));
takes(async (state) => (state.n > 3 ? stop('normal', state) : push(text('a'), state)));
takes((state) => (state.n > 3 ? Promise.resolve(ok(state)) : ok(state)));

// A literal tuple needs a type.
takes((state): HandleResult<State> => ['ok', state]);
takes(async (state): Promise<HandleResult<State>> => ['stop', 'normal', [1000, null], state]);
takes((state) => ['push', [['text', 'a']], state] as const);

// @ts-expect-error a misspelt tag
takes((state): HandleResult<State> => ['okay', state]);
// @ts-expect-error a misspelt tag, asynchronous
takes(async (state): Promise<HandleResult<State>> => ['puhs', [], state]);
// @ts-expect-error a misspelt opcode
takes((state) => push(['txt', 'a'], state));
// @ts-expect-error a payload that is none
takes((state) => push(text(42), state));
// @ts-expect-error the state is missing
takes(() => ['ok'] as const);
// @ts-expect-error another state
takes(() => ok({ m: 1 }));
// @ts-expect-error nothing is returned
takes(() => {});

// The behaviour as an object.
export const counter: WebSock<State, { from: number }, 'tick'> = {
  init: ({ from }) => ok({ n: from }),
  handleIn: (data, state) => push(data, { n: state.n + 1 }),
  handleInfo: (info, state) => (info === 'tick' ? ok(state) : stop(info satisfies never, state)),
  handleControl: async ([opcode], state) => push([opcode, null], state),
  terminate(reason, state, { code, initiator }, connection: Connection) {
    if (reason[0] === 'error') same<(typeof reason)[1], unknown>();
    void [state.n, code, initiator, connection.ref];
  },
};
