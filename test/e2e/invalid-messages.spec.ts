import { IsString, ValidateNested } from 'class-validator';
import { Type } from 'class-transformer';
import {
  BadRequestException,
  Catch,
  Controller,
  Get,
  HttpException,
  Injectable,
  NotFoundException,
  Req,
  Scope,
  UnprocessableEntityException,
  UseFilters,
  UsePipes,
  ValidationPipe,
  type ArgumentsHost,
  type ExceptionFilter,
} from '@nestjs/common';
import { APP_FILTER, BaseExceptionFilter } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import { MessageBody, WsException } from '@nestjs/websockets';
import { of } from 'rxjs';
import { z } from 'zod';
import {
  Connections,
  json,
  jsonCodec,
  OnIn,
  OnInfo,
  OnInit,
  OnTerminate,
  ok,
  push,
  State,
  stop,
  text,
  upgrade,
  WebSockHandler,
  WebSockModule,
  type Codec,
  type Connection,
  type DataMessage,
  type HandleResult,
  type UpgradableRequest,
} from '../../src/index.js';
import { openHandler } from '../../src/testing/index.js';
import { telemetry } from '../../src/telemetry/events.js';
import { Log } from '../support/log.js';
import { LogLines } from '../support/log-lines.js';
import { closeApps, eachPlatform, startApp } from '../support/nest.js';

const imports = [WebSockModule];

let ends: Log<unknown>;
beforeEach(() => (ends = new Log()));

class Leaves {
  @OnTerminate()
  left(reason: unknown) {
    ends.add(reason);
  }
}

/** Throws what the message asks for, and counts what it has handled. */
class Throws extends Leaves {
  @OnInit()
  init() {
    return ok(0);
  }

  @OnIn()
  receive([, data]: DataMessage, count: number): HandleResult<number> {
    const error = ERRORS[data as string]?.();
    if (error !== undefined) throw error;
    return push(text(`handled ${count + 1}`), count + 1);
  }

  @OnInfo()
  told(message: string): HandleResult<number> {
    throw ERRORS[message]!();
  }
}

class SecretError extends Error {
  constructor() {
    super('not for clients');
  }
}

const validationErrors = [
  { property: 'text', constraints: { isString: 'text must be a string', minLength: 'text is too short' } },
  {
    property: 'author',
    children: [{ property: 'name', constraints: { isString: 'name must be a string' } }],
  },
];

const ERRORS: Record<string, () => unknown> = {
  bug: () => new TypeError('a bug'),
  notFound: () => new NotFoundException('no such room'),
  text: () => new BadRequestException('a bad request'),
  list: () => new UnprocessableEntityException(['text is too short', 'to is missing']),
  plain: () => new BadRequestException({ code: 12 }),
  tree: () => new BadRequestException(validationErrors),
  grouped: () =>
    new BadRequestException({ message: { text: ['is too short'], 'author.name': ['is missing'] } }),
  issues: () =>
    new BadRequestException({ errors: [{ code: 'x', path: ['list', 0], message: 'is no number' }] }),
  many: () => new BadRequestException(Array.from({ length: 1_000 }, (_, n) => `fault ${n}`)),
  cause: () => new BadRequestException('a bad request', { cause: new SecretError() }),
  ws: () => new WsException('a ws exception'),
  wsObject: () => new WsException(validationErrors),
};

@WebSockHandler('throws')
class ThrowsHandler extends Throws {}

const answer = (message: string, issues: object[]) => ({
  type: 'error',
  code: 'invalid_message',
  message,
  issues,
});
const atRoot = (message: string) => answer(message, [{ path: [], message }]);
const tree = answer('text: text must be a string', [
  { path: ['text'], message: 'text must be a string' },
  { path: ['text'], message: 'text is too short' },
  { path: ['author', 'name'], message: 'name must be a string' },
]);

eachPlatform('an invalid message on %s', (platform) => {
  afterEach(closeApps);

  it.each([
    ['text', atRoot('a bad request')],
    [
      'list',
      answer('text is too short', [
        { path: [], message: 'text is too short' },
        { path: [], message: 'to is missing' },
      ]),
    ],
    ['plain', answer('the message is invalid', [])],
    ['tree', tree],
    [
      'grouped',
      answer('text: is too short', [
        { path: ['text'], message: 'is too short' },
        { path: ['author', 'name'], message: 'is missing' },
      ]),
    ],
    ['issues', answer('list.0: is no number', [{ path: ['list', 0], message: 'is no number' }])],
    ['cause', atRoot('a bad request')],
    ['ws', atRoot('a ws exception')],
    ['wsObject', tree],
  ])('is answered, and the connection keeps its state: %s', async (what, expected) => {
    const log = new LogLines();
    const app = await startApp(platform, { imports, providers: [ThrowsHandler], logger: log });
    const client = await app.open('/throws');
    client.text('fine');
    expect(await client.nextText()).toBe('handled 1');
    for (let n = 0; n < 3; n++) {
      client.text(what);
      expect(JSON.parse(await client.nextText())).toEqual(expected);
    }
    client.text('fine');
    expect(await client.nextText()).toBe('handled 2');
    expect([...log.at('error'), ...log.at('warn')]).toEqual([]);
  });

  it('gets 20 issues at most', async () => {
    const app = await startApp(platform, { imports, providers: [ThrowsHandler] });
    const client = await app.open('/throws');
    client.text('many');
    const { issues } = JSON.parse(await client.nextText()) as { issues: object[] };
    expect(issues.length).toBe(20);
  });

  it.each(['bug', 'notFound'])('is no other error: %s closes with 1011', async (what) => {
    const app = await startApp(platform, { imports, providers: [ThrowsHandler] });
    const client = await app.open('/throws');
    client.text(what);
    expect((await client.nextClose()).code).toBe(1011);
    expect(await ends.next()).toEqual(['error', ERRORS[what]!()]);
  });

  it('is one from the client: the same from the app closes with 1011', async () => {
    const app = await startApp(platform, { imports, providers: [ThrowsHandler] });
    const client = await app.open('/throws');
    const connections = app.app.get(Connections);
    connections.sendInfo(connections.list()[0]!, 'text');
    expect((await client.nextClose()).code).toBe(1011);
  });
});

/** JSON behind a letter. */
const letterCodec: Codec = {
  decode([, data]) {
    if (data[0] !== 'L') throw new Error('expected a letter');
    return JSON.parse(data.slice(1) as string) as unknown;
  },
  encode: (value) => ['text', `L${JSON.stringify(value)}`],
};

@WebSockHandler('letters', { codec: letterCodec })
class LettersHandler {
  @OnIn()
  receive(@MessageBody() letter: unknown, @State() state: unknown) {
    return push(json(letter), state);
  }
}

const Say = z.object({ say: z.string() });

@WebSockHandler('clauses')
class ClausesHandler {
  @OnIn(Say)
  say({ say }: z.infer<typeof Say>, state: unknown) {
    return push(text(say), state);
  }
}

class AuthorDto {
  @IsString()
  name!: string;
}

class PostDto {
  @ValidateNested()
  @Type(() => AuthorDto)
  author!: AuthorDto;
}

@WebSockHandler('ws-pipe', { codec: jsonCodec })
class WsPipeHandler {
  @OnIn()
  @UsePipes(new ValidationPipe({ exceptionFactory: (errors) => new WsException(errors) }))
  post(@MessageBody() post: PostDto, @State() state: unknown) {
    return push(json(post), state);
  }
}

eachPlatform('what counts as invalid on %s', (platform) => {
  afterEach(closeApps);

  it('what the codec cannot decode; the codec encodes the answer', async () => {
    const app = await startApp(platform, { imports, providers: [LettersHandler] });
    const client = await app.open('/letters');
    client.text('{}');
    expect(await client.nextText()).toBe(`L${JSON.stringify(atRoot('expected a letter'))}`);
    client.text('L{}');
    expect(await client.nextText()).toBe('L{}');
  });

  it('what no clause takes', async () => {
    const app = await startApp(platform, { imports, providers: [ClausesHandler] });
    const client = await app.open('/clauses');
    client.text('{"say":1}');
    const { code, issues } = JSON.parse(await client.nextText()) as { code: string; issues: object[] };
    expect(code).toBe('invalid_message');
    expect(issues).toMatchObject([{ path: ['say'] }]);
    client.text('{"say":"hi"}');
    expect(await client.nextText()).toBe('hi');
  });

  it("the WsException of a pipe's exceptionFactory", async () => {
    const app = await startApp(platform, { imports, providers: [WsPipeHandler] });
    const client = await app.open('/ws-pipe');
    client.text('{"author":{"name":1}}');
    expect(JSON.parse(await client.nextText())).toEqual(
      answer('author.name: name must be a string', [
        { path: ['author', 'name'], message: 'name must be a string' },
      ]),
    );
  });
});

let caught: { by: string; error: unknown; args: unknown[] }[];
beforeEach(() => (caught = []));

/** Notes what it catches, and answers with its name. */
abstract class AnsweringFilter implements ExceptionFilter {
  catch(error: unknown, host: ArgumentsHost): unknown {
    caught.push({ by: this.constructor.name, error, args: host.getArgs() });
    return push(text(this.constructor.name), host.getArgByIndex<number>(2) + 10);
  }
}

@Catch(TypeError)
class MethodFilter extends AnsweringFilter {}

@Catch()
class SecondMethodFilter extends AnsweringFilter {}

@Catch(NotFoundException)
@Injectable()
class ClassFilter extends AnsweringFilter {
  override catch(error: unknown, host: ArgumentsHost) {
    return Promise.resolve(super.catch(error, host));
  }
}

@Catch(HttpException)
class GlobalFilter extends AnsweringFilter {
  override catch(error: unknown, host: ArgumentsHost) {
    return of(super.catch(error, host));
  }
}

@WebSockHandler('filtered')
@UseFilters(ClassFilter)
class FilteredHandler extends Throws {
  @OnIn()
  @UseFilters(new MethodFilter())
  override receive(message: DataMessage, count: number) {
    return super.receive(message, count);
  }

  @OnInfo()
  @UseFilters(new MethodFilter(), new SecondMethodFilter())
  override told(message: string) {
    return super.told(message);
  }
}

@Catch()
class StoppingFilter implements ExceptionFilter {
  catch(_error: unknown, host: ArgumentsHost) {
    return stop('unwelcome', [4403, 'go away'], host.getArgByIndex(2));
  }
}

@WebSockHandler('stopping')
class StoppingHandler extends Leaves {
  @OnInit()
  @UseFilters(StoppingFilter)
  init(): HandleResult<string> {
    throw new Error('not today');
  }
}

@Catch()
class SilentFilter implements ExceptionFilter {
  catch(error: unknown) {
    caught.push({ by: 'SilentFilter', error, args: [] });
  }
}

@Catch()
class RethrowingFilter implements ExceptionFilter {
  catch(error: unknown) {
    throw error;
  }
}

/** As most apps have one. */
@Catch()
class HttpCatchAllFilter implements ExceptionFilter {
  catch(_error: unknown, host: ArgumentsHost) {
    interface Response {
      status(code: number): { json(body: unknown): void };
    }
    host.switchToHttp().getResponse<Response>().status(500).json({ message: 'oh no' });
  }
}

@Catch()
class NestsOwnFilter extends BaseExceptionFilter {}

@WebSockHandler('filtered-clauses')
@UseFilters(SecondMethodFilter)
class FilteredClausesHandler {
  @OnInit()
  init() {
    return ok(0);
  }

  @OnIn(Say)
  say({ say }: z.infer<typeof Say>, state: number) {
    return push(text(say), state);
  }

  @OnIn('binary')
  bytes(message: DataMessage, state: number) {
    return push(message, state);
  }
}

@Catch()
@Injectable({ scope: Scope.REQUEST })
class FilterOfRequest extends SilentFilter {}

@WebSockHandler()
class UnmadeHandler {
  constructor() {
    throw new Error('no instance');
  }

  @OnInit()
  @UseFilters(FilterOfRequest)
  init() {
    return ok(0);
  }
}

@Controller()
class UnmadeController {
  @Get('unmade')
  open(@Req() request: UpgradableRequest) {
    return upgrade(request, UnmadeHandler);
  }
}

const filterOfApp = (useClass: new (...args: any[]) => ExceptionFilter) => [
  { provide: APP_FILTER, useClass },
];

eachPlatform('filters on %s', (platform) => {
  afterEach(closeApps);

  it('of the method, the class and the app make a result of a failure: at once, by promise, by Observable', async () => {
    const app = await startApp(platform, {
      imports,
      providers: [FilteredHandler, ...filterOfApp(GlobalFilter)],
    });
    const client = await app.open('/filtered');
    for (const [what, filter, count] of [
      ['bug', 'MethodFilter', 11],
      ['notFound', 'ClassFilter', 22],
      ['text', 'GlobalFilter', 33],
    ] as const) {
      client.text(what);
      expect(await client.nextText()).toBe(filter);
      client.text('fine');
      expect(await client.nextText()).toBe(`handled ${count}`);
    }
    const connection = caught[0]!.args[0] as Connection;
    expect(connection.request.path).toBe('/filtered');
    expect(caught[0]!.args).toEqual([connection, ['text', 'bug'], 0, 'handleIn']);
  });

  it('of a method that are several: the last one that takes the error', async () => {
    const app = await startApp(platform, { imports, providers: [FilteredHandler] });
    const client = await app.open('/filtered');
    const connections = app.app.get(Connections);
    connections.sendInfo(connections.list()[0]!, 'bug');
    expect(await client.nextText()).toBe('SecondMethodFilter');
  });

  it('of the class get what no clause takes, before it is answered; the pattern is the callback then', async () => {
    const app = await startApp(platform, { imports, providers: [FilteredClausesHandler] });
    const client = await app.open('/filtered-clauses');
    client.text('{"say":1}');
    expect(await client.nextText()).toBe('SecondMethodFilter');
    expect(caught).toMatchObject([{ error: { code: 'WEBSOCK_NO_CLAUSE' } }]);
    expect(caught[0]!.args.slice(1)).toEqual([['text', '{"say":1}'], 0, 'handleIn']);
  });

  it('may end the connection with a close code of theirs, init included', async () => {
    const app = await startApp(platform, { imports, providers: [StoppingHandler] });
    const client = await app.open('/stopping');
    expect(await client.nextClose()).toEqual({ code: 4403, reason: 'go away' });
    expect(await ends.next()).toEqual(['error', 'unwelcome']);
  });

  it('of a handler that could not be made are not asked: they are not made either', async () => {
    const log = new LogLines();
    const providers = [UnmadeHandler];
    const app = await startApp(platform, {
      imports,
      controllers: [UnmadeController],
      providers,
      logger: log,
    });
    const client = await app.open('/unmade');
    expect((await client.nextClose()).code).toBe(1011);
    expect(caught).toEqual([]);
    expect(log.at('error')).toEqual([expect.stringContaining('UnmadeHandler.init() failed')]);
  });

  it('that answer nothing leave the error what it is: answered by the built-in one, or 1011', async () => {
    const app = await startApp(platform, {
      imports,
      providers: [ThrowsHandler, ...filterOfApp(SilentFilter)],
    });
    const client = await app.open('/throws');
    client.text('text');
    expect(JSON.parse(await client.nextText())).toEqual(atRoot('a bad request'));
    client.text('bug');
    expect((await client.nextClose()).code).toBe(1011);
    expect(caught.map(({ error }) => (error as Error).message)).toEqual(['a bad request', 'a bug']);
  });

  it('that throw the error again leave it what it is, and nothing is reported twice', async () => {
    const log = new LogLines();
    const app = await startApp(platform, {
      imports,
      providers: [ThrowsHandler, ...filterOfApp(RethrowingFilter)],
      logger: log,
    });
    const client = await app.open('/throws');
    client.text('text');
    expect(JSON.parse(await client.nextText())).toEqual(atRoot('a bad request'));
    client.text('bug');
    expect((await client.nextClose()).code).toBe(1011);
    await ends.next();
    expect(log.at('error')).toEqual([expect.stringContaining('TypeError: a bug')]);
  });

  it.each([
    ['a catch-all', HttpCatchAllFilter],
    ["Nest's own", NestsOwnFilter],
  ])('for HTTP do no harm: %s', async (_what, filter) => {
    const log = new LogLines();
    const app = await startApp(platform, {
      imports,
      providers: [ThrowsHandler, ...filterOfApp(filter)],
      logger: log,
    });
    const client = await app.open('/throws');
    // The connection stays, and the log says once what is wrong with the filter.
    for (let n = 0; n < 3; n++) {
      client.text('text');
      expect(JSON.parse(await client.nextText())).toEqual(atRoot('a bad request'));
    }
    client.text('fine');
    expect(await client.nextText()).toBe('handled 1');
    expect(log.at('error')).toEqual([
      expect.stringMatching(new RegExp(`^${filter.name}\\.catch\\(\\) failed on connection .* TypeError`)),
    ]);
  });

  it('are nowhere on the way of a message that does not fail', async () => {
    const failed: unknown[] = [];
    const listen = (event: unknown) => failed.push(event);
    telemetry.callbackError.subscribe(listen);
    const app = await startApp(platform, {
      imports,
      providers: [ThrowsHandler, ...filterOfApp(SilentFilter)],
    });
    const client = await app.open('/throws');
    client.text('fine');
    expect(await client.nextText()).toBe('handled 1');
    telemetry.callbackError.unsubscribe(listen);
    expect([...caught, ...failed]).toEqual([]);
  });
});

let said: unknown;

@WebSockHandler()
class SaysHandler {
  @OnIn()
  receive(): HandleResult<unknown> {
    throw new BadRequestException(said);
  }
}

async function answered(response: unknown): Promise<unknown> {
  said = response;
  const module = await Test.createTestingModule({ providers: [SaysHandler] }).compile();
  const room = await openHandler(module, SaysHandler);
  room.send(text('x'));
  await room.expectPush(json(expect.objectContaining({ code: 'invalid_message' })));
  const [[, data]] = room.received as [[string, string]];
  return JSON.parse(data);
}

const selfReferring: Record<string, unknown> = { path: ['a'], message: 'is missing' };
selfReferring.errors = [selfReferring, [selfReferring]];

const Author = z.object({ author: z.object({ id: z.union([z.string(), z.number()]) }) });
const { error: ofUnion } = Author.safeParse({ author: { id: true } });
const { error: ofFields } = z
  .object({ name: z.string('is no text') })
  .strict()
  .safeParse({ more: 1 });

describe('the issues of an exception', () => {
  it.each<[string, unknown, unknown]>([
    [
      'of Standard Schema: a segment may be an object with a key',
      { issues: [{ path: [{ key: 'list' }, { key: 0 }], message: 'is missing' }] },
      answer('list.0: is missing', [{ path: ['list', 0], message: 'is missing' }]),
    ],
    [
      'of a union of zod: with the path of the union',
      ofUnion,
      answer(expect.stringMatching(/^author\.id: /) as never, [
        { path: ['author', 'id'], message: expect.any(String) },
        { path: ['author', 'id'], message: expect.any(String) },
      ]),
    ],
    [
      'without a list in the list: those of the message',
      { issues: [{ path: ['kind'], errors: [], message: 'is unknown' }] },
      answer('kind: is unknown', [{ path: ['kind'], message: 'is unknown' }]),
    ],
    [
      'as lists of texts by path',
      { errors: { email: ['is taken'], 'author.name': ['is short', 'is bad'] } },
      answer('email: is taken', [
        { path: ['email'], message: 'is taken' },
        { path: ['author', 'name'], message: 'is short' },
        { path: ['author', 'name'], message: 'is bad' },
      ]),
    ],
    [
      'of flattenError() of zod',
      z.flattenError(ofFields!),
      answer('Unrecognized key: "more"', [
        { path: [], message: 'Unrecognized key: "more"' },
        { path: ['name'], message: 'is no text' },
      ]),
    ],
    [
      'that refers to itself',
      selfReferring,
      answer('a: is missing', [{ path: ['a'], message: 'is missing' }]),
    ],
    [
      "are not what else a message may be: the app's own data stays here",
      { message: { query: 'a secret', hints: ['a hint'] }, debug: 'a secret' },
      answer('the message is invalid', []),
    ],
  ])('%s', async (_what, response, expected) => {
    expect(await answered(response)).toEqual(expected);
  });

  it('are cut: 300 characters of a message, 20 segments of a path and 100 characters of each', async () => {
    const path = Array.from({ length: 1_000 }, () => 'p'.repeat(100_000));
    const message = 'm'.repeat(100_000);
    const cut = { path: Array(20).fill(`${'p'.repeat(99)}…`), message: `${'m'.repeat(299)}…` };
    const got = (await answered({ issues: [{ path, message }, message] })) as { message: string };
    expect(got).toMatchObject({ issues: [cut, { path: [], message: cut.message }] });
    expect(got.message.length).toBe(300);
  });
});

/** As a filter of HTTP that reports an error does, and returns the id of the report. */
@Catch()
class ReportingFilter implements ExceptionFilter {
  catch(error: unknown) {
    caught.push({ by: 'ReportingFilter', error, args: [] });
    return 'report 123';
  }
}

@WebSockHandler()
@UseFilters(ReportingFilter)
class ReportedHandler {
  @OnIn()
  receive([, what]: DataMessage): HandleResult<unknown> {
    throw ERRORS[what as string]!();
  }
}

@Catch()
class StreamingFilter implements ExceptionFilter {
  async *catch(_error: unknown, host: ArgumentsHost) {
    yield push(text('first'), host.getArgByIndex(2));
    await Promise.resolve();
    yield push(text('second'), host.getArgByIndex(2));
  }
}

@WebSockHandler()
@UseFilters(StreamingFilter)
class StreamedHandler {
  @OnIn()
  receive(): HandleResult<unknown> {
    throw new Error('a fault');
  }
}

describe('what a filter returns', () => {
  it('counts only as a result: else the message is answered, and the error stays what it is', async () => {
    const module = await Test.createTestingModule({ providers: [ReportedHandler] }).compile();
    const room = await openHandler(module, ReportedHandler);
    room.send(text('text'));
    await room.expectPush(json(atRoot('a bad request')));
    room.send(text('bug'));
    await room.expectClose(1011);
    expect(caught.map(({ by }) => by)).toEqual(['ReportingFilter', 'ReportingFilter']);
    expect(room.errors).toEqual([{ method: 'ReportedHandler.receive', error: new TypeError('a bug') }]);
  });

  it('may be a stream of results', async () => {
    const module = await Test.createTestingModule({ providers: [StreamedHandler] }).compile();
    const room = await openHandler(module, StreamedHandler);
    room.send(text('x'));
    await room.expectPush(text('first'));
    await room.expectPush(text('second'));
  });
});
