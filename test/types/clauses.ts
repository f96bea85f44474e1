import {
  InfoMessage,
  json,
  ok,
  OnControl,
  OnIn,
  OnInfo,
  OnInit,
  push,
  WebSockHandler,
  type BinaryMessage,
  type CallbackReturn,
  type Connection,
  type DataMessage,
  type HandleResult,
  type ResultStream,
  type TextMessage,
} from 'nestjs-websock';

interface State {
  readonly said: number;
}

/** A schema by hand, as libraries make them: what it takes differs from what it makes of it. */
interface Schema<Input, Output> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (
      value: unknown,
    ) => { readonly value: Output } | { readonly issues: readonly { readonly message: string }[] };
    readonly types?: { readonly input: Input; readonly output: Output };
  };
}

declare const saySchema: Schema<{ text: string; at: string }, { text: string; at: Date }>;
declare const loose: Schema<unknown, any>;

@InfoMessage('posts.created')
class PostCreated {
  constructor(readonly id: string) {}
}

abstract class Tick {
  abstract readonly at: number;
}

@WebSockHandler('streams')
export class Streams {
  @OnInit()
  async *init(): ResultStream<State> {
    yield ['ok', { said: 0 }];
  }

  @OnIn('text')
  async *tokens([, text]: TextMessage, state: State) {
    yield push(['text', text], state);
    return ok(state);
  }

  @OnIn(saySchema)
  async *say({ text, at }: { text: string; at: Date }, state: State) {
    if (text === '') return;
    yield push(json({ text, at }), state);
    yield push([json(1), ['text', 'a']], state);
  }

  @OnControl()
  control(_message: unknown, state: State): CallbackReturn<State> {
    return ok(state);
  }
}

@WebSockHandler('misspelt')
export class Misspelt {
  // @ts-expect-error: a misspelt tag, in a generator
  @OnIn()
  async *tokens(_message: DataMessage, state: State) {
    yield ['oj', state] as const;
  }

  // @ts-expect-error: a synchronous generator
  @OnIn(saySchema)
  *say(_message: { text: string }, state: State) {
    yield ok(state);
  }

  // @ts-expect-error: a misspelt tag, under a schema
  @OnIn(saySchema)
  async sayAgain(_message: { text: string }, state: State) {
    return ['oj', state] as const;
  }
}

@WebSockHandler('accepts')
export class Accepts {
  @OnIn(saySchema)
  same(message: { text: string; at: Date }, state: State, _connection: Connection) {
    return push(json(message.at.getTime()), state);
  }

  @OnIn(saySchema)
  wider({ text }: { text: string }, state: State) {
    return push(json(text), state);
  }

  @OnIn(saySchema)
  async widest(_message: unknown, state: State): Promise<HandleResult<State>> {
    return ok(state);
  }

  @OnIn(saySchema)
  optional(_message?: { text: string }) {
    return ok({ said: 0 });
  }

  @OnIn(saySchema)
  rest(..._all: unknown[]) {
    return ok({ said: 0 });
  }

  @OnIn(saySchema)
  none() {
    return ok({ said: 0 });
  }

  @OnIn(loose)
  anything(_message: { never: 'checked' }) {
    return ok({ said: 0 });
  }

  @OnIn('text')
  text([, data]: TextMessage, state: State) {
    return push(json(data.length), state);
  }

  @OnIn('binary')
  binary(message: DataMessage, state: State) {
    return push(message, state);
  }

  @OnInfo(PostCreated)
  created({ id }: PostCreated, state: State) {
    return push(json(id), state);
  }

  @OnInfo(Tick)
  async tick({ at }: { at: number }, state: State) {
    return push(json(at), state);
  }

  @OnInfo(saySchema)
  async *info(_message: { at: Date }, state: State) {
    yield ok(state);
  }
}

@WebSockHandler('refuses')
export class Refuses {
  // @ts-expect-error: narrower than what the schema makes
  @OnIn(saySchema)
  narrower(_message: { text: 'a'; at: Date }, state: State) {
    return ok(state);
  }

  // @ts-expect-error: what the schema takes, not what it makes
  @OnIn(saySchema)
  input(_message: { text: string; at: string }, state: State) {
    return ok(state);
  }

  // @ts-expect-error: asynchronous
  @OnIn(saySchema)
  async more(_message: { text: string; at: Date; more: string }, state: State) {
    return ok(state);
  }

  // @ts-expect-error: an async generator
  @OnIn(saySchema)
  async *stream(_message: string, state: State) {
    yield ok(state);
  }

  // @ts-expect-error: with a schema there is no tuple
  @OnIn(saySchema)
  tuple(_message: DataMessage, state: State) {
    return ok(state);
  }

  // @ts-expect-error: with an opcode there is one
  @OnIn('text')
  text(_text: string, state: State) {
    return ok(state);
  }

  // @ts-expect-error: another opcode
  @OnIn('binary')
  binary(_message: TextMessage, state: State) {
    return ok(state);
  }

  // @ts-expect-error: another opcode
  @OnIn('text')
  bytes(_message: BinaryMessage, state: State) {
    return ok(state);
  }

  // @ts-expect-error: another class
  @OnInfo(PostCreated)
  created(_message: Tick, state: State) {
    return ok(state);
  }

  // @ts-expect-error: a schema's output, as info
  @OnInfo(saySchema)
  info(_message: string, state: State) {
    return ok(state);
  }
}

export const wrong = [
  // @ts-expect-error: clients send no instances
  OnIn(PostCreated),
  // @ts-expect-error: info has no opcode
  OnInfo('text'),
  // @ts-expect-error: control frames are @OnControl's
  OnIn('ping'),
  // @ts-expect-error: no pattern
  OnIn(undefined),
  // @ts-expect-error: no pattern
  OnInfo({}),
  // @ts-expect-error: a name is text
  InfoMessage(7),
];
