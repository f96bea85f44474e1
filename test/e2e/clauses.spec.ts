import { type ArgumentsHost, Catch, Controller, Get, Req, UseFilters } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { type } from 'arktype';
import * as v from 'valibot';
import { z } from 'zod';
import {
  binary,
  type Connection,
  type ConnectionRef,
  Connections,
  type DataMessage,
  type HandleResult,
  json,
  NoClauseError,
  ok,
  InfoMessage,
  OnIn,
  OnInfo,
  OnInit,
  OnTerminate,
  OnUpgrade,
  push,
  reply,
  text,
  type TextMessage,
  type UpgradableRequest,
  upgrade,
  type WebSockOptions,
  WebSockHandler,
  WebSockModule,
} from '../../src/index.js';
import { messagePack } from '../../src/msgpack/index.js';
import { connect, openHandler } from '../../src/testing/index.js';
import { Gate, Log } from '../support/log.js';
import { LogLines } from '../support/log-lines.js';
import { type AppSpec, bootError, closeApps, eachPlatform, startApp } from '../support/nest.js';

const imports = [WebSockModule];

const Join = z.object({ type: z.literal('join'), room: z.string().min(1) });
const Say = z.object({ type: z.literal('say'), text: z.string().trim().max(10) });

@WebSockHandler('rooms')
class RoomHandler {
  @OnUpgrade()
  admit() {
    return { room: 'lobby' };
  }

  @OnIn(Join)
  async join({ room }: z.infer<typeof Join>, _state: unknown, _connection: Connection) {
    return push(json({ joined: room }), { room });
  }

  @OnIn(Say)
  async *say({ text }: z.infer<typeof Say>, state: { room: string }) {
    yield push(json({ room: state.room }), state);
    yield push(json({ text }), state);
  }

  @OnIn(v.object({ type: v.literal('shout') }))
  shout(_message: unknown, state: unknown) {
    return push(json('shouted'), state);
  }

  @OnIn(type({ type: "'count'", to: 'string.numeric.parse' }))
  count({ to }: { to: number }, state: unknown) {
    return push(json(to + 1), state);
  }
}

@WebSockHandler('fallback')
class FallbackHandler {
  @OnIn(Say)
  say({ text }: z.infer<typeof Say>, state: unknown) {
    return push(json({ said: text }), state);
  }

  @OnIn('text')
  words([opcode, data]: TextMessage, state: unknown) {
    return push(text(`${opcode} ${data}`), state);
  }

  @OnIn()
  rest([opcode, data]: DataMessage, state: unknown) {
    return push(text(`${opcode} of ${data.length}`), state);
  }
}

let gate: Gate;
let asked: Log<unknown>;

/** Waits for the gate with the number 1 only. */
const Slow: StandardSchemaV1<number> = {
  '~standard': {
    version: 1,
    vendor: 'hand-made',
    validate: async (value) => {
      asked.add(value);
      if (value === 1) await gate.passed;
      return typeof value === 'number' ? { value } : { issues: [{ message: 'no number' }] };
    },
  },
};

@WebSockHandler('slow')
class SlowHandler {
  @OnIn(Slow)
  count(value: number, state: unknown) {
    return push(json(value), state);
  }

  @OnIn(z.string())
  words(value: string, state: unknown) {
    return push(json(value.toUpperCase()), state);
  }
}

class PostCreated {
  constructor(readonly id: string) {}
}

class PostPinned extends PostCreated {}

let refs: Log<ConnectionRef>;
let ends: Log<unknown>;

@WebSockHandler('info')
class InfoHandler {
  @OnInit()
  init(_argument: unknown, { ref }: Connection) {
    refs.add(ref);
    return ok(0);
  }

  @OnInfo(PostPinned)
  pinned({ id }: PostPinned, count: number) {
    return push(json({ pinned: id, count }), count + 1);
  }

  @OnInfo(PostCreated)
  async created({ id }: PostCreated, count: number) {
    return push(json({ created: id, count }), count + 1);
  }

  @OnInfo(z.object({ add: z.number() }))
  add({ add }: { add: number }, count: number) {
    return reply(count + add, [], count + add);
  }

  @OnTerminate()
  left(reason: unknown) {
    ends.add(reason);
  }
}

@WebSockHandler('packed', { codec: messagePack() })
class PackedHandler {
  @OnIn(z.object({ bytes: z.instanceof(Uint8Array), at: z.date() }))
  echo({ bytes, at }: { bytes: Uint8Array; at: Date }, state: unknown) {
    return push(json({ bytes, at, length: bytes.length }), state);
  }
}

@WebSockHandler()
class AnyCodecHandler {
  @OnIn(z.object({ n: z.number() }))
  echo({ n }: { n: number }, state: unknown) {
    return push(json({ n: n + 1 }), state);
  }
}

@Controller('choose')
class CodecController {
  @Get('packed')
  packed(@Req() request: UpgradableRequest) {
    const options: WebSockOptions = { codec: messagePack() };
    return upgrade(request, AnyCodecHandler, undefined, options);
  }

  @Get('plain')
  plain(@Req() request: UpgradableRequest) {
    return upgrade(request, AnyCodecHandler);
  }
}

/** A handler with a decorator that the types would not allow. */
function wrongly(decorator: unknown): new () => object {
  @WebSockHandler('wrong')
  class WrongHandler {
    take(_message: unknown, state: unknown) {
      return ok(state);
    }
  }
  const descriptor = Object.getOwnPropertyDescriptor(WrongHandler.prototype, 'take')!;
  (decorator as MethodDecorator)(WrongHandler.prototype, 'take', descriptor);
  return WrongHandler;
}

@WebSockHandler('unreachable')
class UnreachableHandler {
  @OnIn()
  all(_message: DataMessage, state: unknown) {
    return ok(state);
  }

  @OnIn(Say)
  say(_message: unknown, state: unknown) {
    return ok(state);
  }
}

@WebSockHandler('unreachable-info')
class UnreachableInfoHandler {
  @OnInfo(PostCreated)
  created(_message: PostCreated, state: unknown) {
    return ok(state);
  }

  @OnInfo(PostPinned)
  pinned(_message: PostPinned, state: unknown) {
    return ok(state);
  }
}

eachPlatform('clauses on %s', (platform) => {
  afterEach(closeApps);

  beforeEach(() => {
    gate = new Gate();
    asked = new Log();
    refs = new Log();
    ends = new Log();
  });

  async function client(path: string, spec: AppSpec, options = {}) {
    const { app } = await startApp(platform, { imports, ...spec });
    return { app, client: await connect(app, path, options) };
  }

  it('run the method whose schema accepts the message, with the parsed value', async () => {
    const { client: ann } = await client('/rooms', { providers: [RoomHandler] });
    ann.send(json({ type: 'say', text: '  hi  ' }));
    await ann.expectPush(json({ room: 'lobby' }));
    await ann.expectPush(json({ text: 'hi' }));
    ann.send(json({ type: 'join', room: 'attic', more: 1 }));
    await ann.expectPush(json({ joined: 'attic' }));
    ann.send(json({ type: 'shout' }));
    await ann.expectPush(json('shouted'));
    ann.send(json({ type: 'count', to: '41' }));
    await ann.expectPush(json(42));
    ann.send(json({ type: 'say', text: 'up here' }));
    await ann.expectPush(json({ room: 'attic' }));
  });

  it('answer a message that none takes with the issues of the nearest, and keep the connection', async () => {
    const { client: ann } = await client('/rooms', { providers: [RoomHandler] });
    const refused = (...paths: readonly string[][]) =>
      json({
        type: 'error',
        code: 'invalid_message',
        message: expect.any(String),
        issues: paths.map((path) => ({ path, message: expect.any(String) })),
      });
    ann.send(json({ type: 'say', text: 'far too long a text' }));
    await ann.expectPush(refused(['text']));
    ann.send(json({ type: 'whisper' }));
    await ann.expectPush(refused(['type'], ['type'], ['type'], ['type']));
    ann.send(text('{'));
    await ann.expectPush(refused([]));
    ann.send(binary('{}'));
    await ann.expectPush(refused([]));
    ann.send(json({ type: 'shout' }));
    await ann.expectPush(json('shouted'));
  });

  it('fall through to an opcode, and to the method without a pattern', async () => {
    const { client: ann } = await client('/fallback', { providers: [FallbackHandler] });
    ann.send(json({ type: 'say', text: 'hi' }));
    await ann.expectPush(json({ said: 'hi' }));
    ann.send(text('{"type":'));
    await ann.expectPush(text('text {"type":'));
    ann.send(binary('abc'));
    await ann.expectPush(text('binary of 3'));
  });

  it('keep the next message waiting while a schema is not decided', async () => {
    const { client: ann } = await client('/slow', { providers: [SlowHandler] });
    ann.send(json(1));
    ann.send(json('a'));
    ann.send(json(2));
    await asked.next();
    await ann.expectNothing();
    expect(asked.all).toEqual([1]);
    gate.open();
    await ann.expectPush(json(1));
    await ann.expectPush(json('A'));
    await ann.expectPush(json(2));
    expect(asked.all).toEqual([1, 'a', 2]);
  });

  it('take info by class and by schema', async () => {
    const { app, client: ann } = await client('/info', { providers: [InfoHandler] });
    const connections = app.get(Connections);
    const ref = await refs.next();
    connections.sendInfo(ref, new PostCreated('a'));
    connections.sendInfo(ref, new PostPinned('b'));
    await ann.expectPush(json({ created: 'a', count: 0 }));
    await ann.expectPush(json({ pinned: 'b', count: 1 }));
    expect(await connections.call(ref, { add: 5 })).toBe(7);
  });

  it('close with 1011 on info that none takes, with one error in the log', async () => {
    const logger = new LogLines();
    const { app, client: ann } = await client('/info', { providers: [InfoHandler], logger });
    app.get(Connections).sendInfo(await refs.next(), { secret: 'my secret' });
    await ann.expectClose(1011);
    expect(await ends.next()).toEqual(['error', expect.any(NoClauseError)]);
    const [line, ...more] = logger.at('error');
    expect(line).toContain('InfoHandler @OnInfo(): no method takes this message, an instance of Object');
    expect(more).toEqual([]);
    expect(JSON.stringify(logger.lines)).not.toContain('my secret');
  });

  it('speak the codec of the handler in both directions', async () => {
    const codec = messagePack();
    const { client: ann } = await client('/packed', { providers: [PackedHandler] }, { codec });
    ann.send(json({ bytes: Buffer.of(1, 2), at: new Date(7) }));
    await ann.expectPush(json({ bytes: Buffer.of(1, 2), at: new Date(7), length: 2 }));
    expect(ann.received[0]![0]).toBe('binary');
    for (const hostile of [binary(Buffer.alloc(100_000, 0x91)), text('{}'), binary([])]) {
      ann.send(hostile);
      await ann.expectPush(json(expect.objectContaining({ code: 'invalid_message' })));
    }
  });

  it('speak the codec that upgrade() chooses', async () => {
    const spec = { providers: [AnyCodecHandler], controllers: [CodecController] };
    const { app, client: packed } = await client('/choose/packed', spec, { codec: messagePack() });
    packed.send(json({ n: 1 }));
    await packed.expectPush(json({ n: 2 }));
    const plain = await connect(app, '/choose/plain');
    plain.send(json({ n: 1 }));
    await plain.expectPush(text('{"n":2}'));
  });

  it.each<[string, () => new () => object, string, string[]]>([
    [
      'a clause behind one for all',
      () => UnreachableHandler,
      'WEBSOCK_UNREACHABLE_CLAUSE',
      ['say()', 'all()'],
    ],
    [
      'a class behind its parent',
      () => UnreachableInfoHandler,
      'WEBSOCK_UNREACHABLE_CLAUSE',
      ['pinned()', 'created()'],
    ],
    [
      'a class on @OnIn',
      () => wrongly(OnIn(PostCreated as never)),
      'WEBSOCK_PATTERN',
      ['take()', 'PostCreated'],
    ],
    ['an opcode on @OnInfo', () => wrongly(OnInfo('text' as never)), 'WEBSOCK_PATTERN', ['take()', "'text'"]],
  ])('do not boot with %s', async (_, handler, code, mentions) => {
    const error = await bootError(platform, { imports, providers: [handler()] });
    expect(error).toMatchObject({ name: 'ConfigError', code });
    for (const part of mentions) expect((error as Error).message).toContain(part);
  });
});

describe('two classes of info messages with one name', () => {
  const sent = (name: string) => ({ [name]: class {} })[name]!;
  const taking = (infoClass: new () => object) => {
    class Handler {
      take(_message: object, state: unknown) {
        return ok(state);
      }
    }
    const descriptor = Object.getOwnPropertyDescriptor(Handler.prototype, 'take')!;
    OnInfo(infoClass)(Handler.prototype, 'take', descriptor);
    WebSockHandler()(Handler);
    return Handler;
  };

  it('do not boot: a node could not tell them apart', async () => {
    const providers = [taking(sent('Posted')), taking(sent('Posted'))];

    expect(await bootError('express', { imports, providers })).toMatchObject({
      name: 'ConfigError',
      code: 'WEBSOCK_INFO_NAME',
    });
  });

  it('boot where one has another name', async () => {
    const renamed = sent('Posted');
    InfoMessage('posts.created')(renamed);

    await startApp('express', { imports, providers: [taking(sent('Posted')), taking(renamed)] });
  });
});

describe('a pattern that is undefined', () => {
  it('is an error where it stands: the file that should define it imports this one', () => {
    const decorate = () => wrongly(OnIn(undefined as never));
    expect(decorate).toThrow(expect.objectContaining({ name: 'ConfigError', code: 'WEBSOCK_PATTERN' }));
    expect(decorate).toThrow('WrongHandler.take(): the pattern of @OnIn() is undefined');
  });
});

/** Says which pattern and method it is told. */
@Catch()
class TellingFilter {
  catch(_error: unknown, host: ArgumentsHost) {
    const pattern: unknown = host.switchToWs().getPattern();
    const known = new Map<unknown, string>([
      [Join, 'Join'],
      [Say, 'Say'],
    ]);
    return push(json({ pattern: known.get(pattern) ?? pattern }), 0);
  }
}

@WebSockHandler()
class TwicePatternedHandler {
  @OnIn(Say)
  @OnIn(Join)
  @UseFilters(TellingFilter)
  take(_message: z.infer<typeof Say> | z.infer<typeof Join>, _state: unknown): HandleResult<unknown> {
    throw new Error('a fault');
  }
}

@WebSockHandler()
class FilteredSayHandler {
  @OnIn(Say)
  @UseFilters(TellingFilter)
  say(_message: z.infer<typeof Say>, _state: unknown): HandleResult<unknown> {
    throw new Error('a fault');
  }
}

describe('filters of a method with patterns', () => {
  async function open(handler: new () => object) {
    return openHandler(await Test.createTestingModule({ providers: [handler] }).compile(), handler);
  }

  it('are told the one that took the message', async () => {
    const room = await open(TwicePatternedHandler);
    room.send(json({ type: 'say', text: 'hi' }));
    await room.expectPush(json({ pattern: 'Say' }));
    room.send(json({ type: 'join', room: 'attic' }));
    await room.expectPush(json({ pattern: 'Join' }));
  });

  it('are not asked about a message that none takes, be it the only method', async () => {
    const room = await open(FilteredSayHandler);
    room.send(json({ type: 'whisper' }));
    await room.expectPush(json(expect.objectContaining({ code: 'invalid_message' })));
    room.send(json({ type: 'say', text: 'hi' }));
    await room.expectPush(json({ pattern: 'Say' }));
  });
});
