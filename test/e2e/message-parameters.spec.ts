import { Type } from 'class-transformer';
import { IsInt, IsString, MinLength, ValidateNested } from 'class-validator';
import {
  Body,
  createParamDecorator,
  DefaultValuePipe,
  Headers,
  Inject,
  Injectable,
  Ip,
  Next,
  Param,
  ParseIntPipe,
  Query,
  Req,
  Res,
  Scope,
  Session,
  UsePipes,
  ValidationPipe,
  type ArgumentMetadata,
  type ExecutionContext,
  type PipeTransform,
} from '@nestjs/common';
import { APP_PIPE, REQUEST } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import { ConnectedSocket, MessageBody } from '@nestjs/websockets';
import { z } from 'zod';
import {
  Connection,
  Connections,
  jsonCodec,
  json,
  OnControl,
  OnIn,
  OnInfo,
  OnInit,
  OnTerminate,
  OnUpgrade,
  ok,
  push,
  State,
  text,
  WebSockHandler,
  WebSockModule,
  type UpgradeRequest,
} from '../../src/index.js';
import { openHandler } from '../../src/testing/index.js';
import { bootError, closeApps, eachPlatform, startApp } from '../support/nest.js';

const imports = [WebSockModule];

class AuthorDto {
  @IsString()
  name!: string;
}

class SayDto {
  @IsString()
  @MinLength(2)
  text!: string;

  @IsInt()
  @Type(() => Number)
  to!: number;

  @ValidateNested()
  @Type(() => AuthorDto)
  author!: AuthorDto;

  get loud() {
    return this.text.toUpperCase();
  }
}

const say = JSON.stringify({ text: 'hello', to: '7', author: { name: 'Ann' } });

@WebSockHandler('dto', { codec: jsonCodec })
class DtoHandler {
  @OnIn()
  say(@MessageBody() dto: SayDto, @State() state: object) {
    return push(json([dto instanceof SayDto, dto.loud, dto.to, dto.author instanceof AuthorDto]), state);
  }
}

@WebSockHandler('validated', { codec: jsonCodec })
class ValidatedHandler {
  @OnIn()
  @UsePipes(new ValidationPipe({ transform: true }))
  say(@State() state: object, @Body() dto: SayDto) {
    return push(json([dto instanceof SayDto, dto.loud, dto.to]), state);
  }
}

eachPlatform('a DTO on %s', (platform) => {
  afterEach(closeApps);

  it('is made and validated by a global ValidationPipe', async () => {
    const app = await startApp(platform, {
      imports,
      providers: [DtoHandler],
      setUp: (nest) => nest.useGlobalPipes(new ValidationPipe({ transform: true })),
    });
    const client = await app.open('/dto');
    client.text(say);
    expect(await client.nextText()).toBe('[true,"HELLO",7,true]');
    client.text(JSON.stringify({ text: 'h', to: 1, author: { name: 1 } }));
    expect(JSON.parse(await client.nextText())).toMatchObject({
      issues: [
        { path: [], message: 'text must be longer than or equal to 2 characters' },
        { path: [], message: 'author.name must be a string' },
      ],
    });
    client.text(say);
    expect(await client.nextText()).toBe('[true,"HELLO",7,true]');
  });

  it('is made and validated by a ValidationPipe of the method', async () => {
    const app = await startApp(platform, { imports, providers: [ValidatedHandler] });
    const client = await app.open('/validated');
    client.text(say);
    expect(await client.nextText()).toBe('[true,"HELLO",7]');
  });
});

const Shout = z.object({ shout: z.string().transform((words) => words.toUpperCase()) });

class News {
  constructor(readonly title: string) {}

  get headline() {
    return `${this.title}!`;
  }
}

@WebSockHandler('payloads/:room')
class PayloadHandler {
  @OnUpgrade()
  admit(@Param('room') room: string) {
    return { room, count: 0 };
  }

  @OnInit()
  init(@MessageBody() argument: object, @MessageBody('room') room: string, @State() state: unknown) {
    return push(json([argument, room, String(state)]), argument);
  }

  @OnIn(Shout)
  shout(@MessageBody() message: z.output<typeof Shout>, @State() state: object) {
    return push(json(message), state);
  }

  @OnIn()
  data(@MessageBody() data: string | Buffer, @State('room') room: string) {
    return push(json([typeof data, data.length, room]), { room });
  }

  @OnControl()
  control(@MessageBody() data: Buffer, @State() state: object) {
    return push(json([data instanceof Buffer, data.toString()]), state);
  }

  @OnInfo()
  told(@MessageBody() news: News, @MessageBody('headline') headline: string, @State() state: object) {
    return push(json([news instanceof News, headline]), state);
  }
}

@WebSockHandler('decoded', { codec: jsonCodec })
class DecodedHandler {
  @OnIn()
  receive(
    @MessageBody() whole: unknown,
    @MessageBody('a') a: unknown,
    @MessageBody('map') map: unknown,
    @State() state: unknown,
  ) {
    return push(json({ whole, a, map: String(map) }), state);
  }
}

eachPlatform('@MessageBody() on %s', (platform) => {
  afterEach(closeApps);

  it('is the payload in every callback, never the tuple', async () => {
    const app = await startApp(platform, { imports, providers: [PayloadHandler] });
    const client = await app.open('/payloads/lobby');
    expect(await client.nextText()).toBe('[{"room":"lobby","count":0},"lobby","undefined"]');
    client.text('{"shout":"hey"}');
    expect(await client.nextText()).toBe('{"shout":"HEY"}');
    client.text('words');
    expect(await client.nextText()).toBe('["string",5,"lobby"]');
    client.binary('bytes');
    expect(await client.nextText()).toBe('["object",5,"lobby"]');
    client.pong('p');
    expect(await client.nextText()).toBe('[true,"p"]');
    const connections = app.app.get(Connections);
    connections.sendInfo(connections.list()[0]!, new News('rain'));
    expect(await client.nextText()).toBe('[true,"rain!"]');
  });

  it('is decoded by the codec where the option is set, and picks a property', async () => {
    const app = await startApp(platform, { imports, providers: [DecodedHandler] });
    const client = await app.open('/decoded');
    client.text('{"a":1}');
    expect(await client.nextText()).toBe('{"whole":{"a":1},"a":1,"map":"undefined"}');
    // What an array has by nature is not what the client sent.
    client.text('[2]');
    expect(await client.nextText()).toBe('{"whole":[2],"map":"undefined"}');
    client.text('null');
    expect(await client.nextText()).toBe('{"whole":null,"map":"undefined"}');
  });
});

const User = createParamDecorator((field: 'name' | 'age', context: ExecutionContext) => {
  const user = { name: 'ann', age: '7', of: context.switchToWs().getClient<Connection>().ref };
  return Promise.resolve(user[field]);
});

@Injectable()
class Exclaim implements PipeTransform {
  transform(value: string) {
    return `${value}!`;
  }
}

const seen: [value: unknown, metadata: ArgumentMetadata][] = [];
const seeing: PipeTransform = {
  transform(value: unknown, metadata: ArgumentMetadata) {
    seen.push([value, metadata]);
    return value;
  },
};

@WebSockHandler('facts/:id')
class FactsHandler {
  @OnIn()
  facts(
    @Param('id', ParseIntPipe) id: number,
    @Param() params: object,
    @Query('q', new DefaultValuePipe('none'), Exclaim) q: string,
    @Query() query: object,
    @Headers('X-Name') name: string,
    @Headers() headers: Record<string, string>,
    @Ip() ip: string,
    @Req() request: UpgradeRequest,
    @ConnectedSocket() connection: Connection,
    @User('age', ParseIntPipe) age: number,
    @User('name') user: string,
    @State() state: object,
  ) {
    const isSame = request === connection.request;
    const isConnection = connection instanceof Connection;
    return push(
      json([id, params, q, query, name, headers['x-name'], ip, isSame, isConnection, age, user]),
      state,
    );
  }
}

@WebSockHandler('metadata/:id', { codec: jsonCodec })
class MetadataHandler {
  @OnIn()
  receive(
    @MessageBody() dto: SayDto,
    @MessageBody('text') words: string,
    @Param('id') id: number,
    @Query() query: object,
    @User('name') user: string,
    @Headers('host') _host: string,
    @Ip() _ip: string,
    @ConnectedSocket() _connection: Connection,
    @State() state: object,
  ) {
    return push(json([dto, words, id, query, user]), state);
  }
}

@Injectable({ scope: Scope.REQUEST })
class PipeOfRequest implements PipeTransform {
  constructor(@Inject(REQUEST) private readonly request: { query: { a: string } }) {}

  transform(value: unknown, { type }: ArgumentMetadata) {
    return type === 'body' ? `${value as string} ${this.request.query.a}` : value;
  }
}

@WebSockHandler('scoped')
class ScopedHandler {
  @OnIn()
  echo(@MessageBody() data: string, @State() state: object) {
    return push(text(data), state);
  }
}

eachPlatform('parameter decorators on %s', (platform) => {
  afterEach(closeApps);
  beforeEach(() => seen.splice(0));

  it('read the upgrade request, the connection, the state, and what createParamDecorator makes', async () => {
    const app = await startApp(platform, { imports, providers: [FactsHandler] });
    const client = await app.open('/facts/12?a=b', { headers: { 'X-Name': 'ann' } });
    client.text('x');
    expect(JSON.parse(await client.nextText())).toEqual([
      12,
      { id: '12' },
      'none!',
      { a: 'b' },
      'ann',
      'ann',
      '127.0.0.1',
      true,
      true,
      7,
      'ann',
    ]);
  });

  it('take global pipes that are request-scoped: of the request that was upgraded', async () => {
    const pipe = { provide: APP_PIPE, useClass: PipeOfRequest };
    const app = await startApp(platform, { imports, providers: [ScopedHandler, pipe] });
    for (const name of ['ann', 'bob']) {
      const client = await app.open(`/scoped?a=${name}`);
      client.text('by');
      expect(await client.nextText()).toBe(`by ${name}`);
    }
  });

  it('tell pipes what Nest tells them; on headers, address, connection and state none run', async () => {
    const app = await startApp(platform, {
      imports,
      providers: [MetadataHandler],
      setUp: (nest) => nest.useGlobalPipes(seeing),
    });
    const client = await app.open('/metadata/1?a=b');
    seen.splice(0);
    client.text('{"text":"hi"}');
    await client.nextText();
    expect(seen).toEqual([
      [{ text: 'hi' }, { type: 'body', metatype: SayDto, data: undefined }],
      ['hi', { type: 'body', metatype: String, data: 'text' }],
      ['1', { type: 'param', metatype: Number, data: 'id' }],
      [{ a: 'b' }, { type: 'query', metatype: Object, data: undefined }],
      ['ann', { type: 'custom', metatype: String, data: 'name' }],
    ]);
  });
});

class WebSocket {}

@WebSockHandler('res')
class ResHandler {
  @OnIn()
  receive(@MessageBody() _data: string, @Res() response: unknown) {
    return ok(response);
  }
}

@WebSockHandler('session')
class SessionHandler {
  @OnInit()
  init(@Session() session: unknown) {
    return ok(session);
  }
}

@WebSockHandler('next')
class NextHandler {
  @OnInfo()
  told(@Next() next: unknown) {
    return ok(next);
  }
}

@WebSockHandler('socket')
class SocketHandler {
  @OnIn()
  receive(@ConnectedSocket() socket: WebSocket) {
    return ok(socket);
  }
}

@WebSockHandler('some')
class SomeHandler {
  @OnIn()
  receive(@MessageBody() _data: string, state: object) {
    return ok(state);
  }
}

@WebSockHandler('defaults')
class DefaultsHandler {
  @OnIn()
  receive(@MessageBody() _data: string, state: object = {}) {
    return ok(state);
  }
}

@WebSockHandler('rest')
class RestHandler {
  @OnIn()
  receive(@MessageBody() _data: string, ...rest: unknown[]) {
    return ok(rest);
  }
}

@WebSockHandler('upgrade')
class UpgradeHandler extends DecodedHandler {
  @OnUpgrade()
  admit(@State() state: unknown) {
    return state;
  }
}

@WebSockHandler('terminate')
class TerminateHandler {
  @OnTerminate()
  left(@State() _state: unknown) {}
}

eachPlatform('boot on %s fails for', (platform) => {
  it.each([
    ['@Res()', ResHandler, 'WEBSOCK_PARAMETER', 'ResHandler.receive(), parameter [1]: @Res()'],
    ['@Session()', SessionHandler, 'WEBSOCK_PARAMETER', 'SessionHandler.init(), parameter [0]: @Session()'],
    ['@Next()', NextHandler, 'WEBSOCK_PARAMETER', 'NextHandler.told(), parameter [0]: @Next()'],
    [
      'a socket of ws',
      SocketHandler,
      'WEBSOCK_PARAMETER',
      'its type is WebSocket: give it the type Connection',
    ],
    [
      'a parameter without a decorator',
      SomeHandler,
      'WEBSOCK_PARAMETER',
      'SomeHandler.receive(), parameter [1]',
    ],
    ['the same with a default value', DefaultsHandler, 'WEBSOCK_PARAMETER', 'decorate all of them, or none'],
    [
      'rest parameters beside decorated ones',
      RestHandler,
      'WEBSOCK_PARAMETER',
      'RestHandler.receive(), parameter [1]',
    ],
    [
      '@State() of @OnUpgrade()',
      UpgradeHandler,
      'WEBSOCK_PARAMETER',
      'UpgradeHandler.admit(), parameter [0]: @State()',
    ],
    [
      '@OnTerminate() with them',
      TerminateHandler,
      'WEBSOCK_ENHANCER_ON_TERMINATE',
      'TerminateHandler.left()',
    ],
  ])('%s', async (_what, handler, code, words) => {
    const error = await bootError(platform, { imports, providers: [handler] });
    expect(error).toMatchObject({ code });
    expect(String(error)).toContain(words);
  });
});

class Member {
  constructor(readonly name: string) {}
}

@WebSockHandler('members', { codec: jsonCodec })
class MembersHandler {
  @OnInit()
  init(@MessageBody() member: Member) {
    return ok(member);
  }

  @OnIn()
  say(@MessageBody() { text: words }: SayDto, @State() member: Member) {
    return push(json([words, member instanceof Member, member.name]), member);
  }

  @OnInfo()
  told(@MessageBody() news: News, @State() member: Member) {
    return push(json([news instanceof News, news.title]), member);
  }
}

describe('a global ValidationPipe that allows nothing else', () => {
  it('is for what clients send: what init and info get stays as it is', async () => {
    const options = { transform: true, whitelist: true, forbidNonWhitelisted: true };
    const pipe = { provide: APP_PIPE, useValue: new ValidationPipe(options) };
    const module = await Test.createTestingModule({ providers: [MembersHandler, pipe] }).compile();
    const room = await openHandler(module, MembersHandler, { argument: new Member('Ann') });
    room.send(json({ text: 'hello', to: 1, author: { name: 'Bob' } }));
    await room.expectPush(json(['hello', true, 'Ann']));
    room.info(new News('rain'));
    await room.expectPush(json([true, 'rain']));
    room.send(json({ text: 'hello', to: 1, author: { name: 'Bob' }, more: 1 }));
    await room.expectPush(json(expect.objectContaining({ code: 'invalid_message' })));
  });
});
