import { afterEach, expect, it } from '@jest/globals';
import { Controller, Get, type INestApplication, Param, type PipeTransform, UseGuards } from '@nestjs/common';
import { NestApplication } from '@nestjs/core';
import { MessageBody } from '@nestjs/websockets';
import { z } from 'zod';
import {
  json,
  jsonCodec,
  OnIn,
  OnUpgrade,
  push,
  State,
  WebSockHandler,
  WebSockModule,
  type DataMessage,
} from '../../src/index.js';
import { closeApps, eachPlatform, type Platform, startApp } from '../support/nest.js';

class Echo {
  @OnIn()
  echo(message: DataMessage, state: unknown) {
    return push(message, state);
  }
}

@WebSockHandler('rooms/:room')
class RoomHandler extends Echo {
  @OnUpgrade()
  admit(@Param('room') room: string) {
    return { room };
  }
}

@WebSockHandler('closed')
@UseGuards({ canActivate: () => false })
class ClosedHandler extends Echo {}

/** Decorated when the spec runs: Nest 11 takes no schemas, and has no pipe for them. */
function schemaHandler() {
  const decorate = MessageBody as (options: { schema: object }) => ParameterDecorator;

  @WebSockHandler('schema', { codec: jsonCodec })
  class SchemaHandler {
    @OnIn()
    say(@decorate({ schema: z.object({ say: z.string() }) }) message: object, @State() state: unknown) {
      return push(json(message), state);
    }
  }
  return SchemaHandler;
}

/** Each framework has its own word for any path. */
function wildcard(platform: Platform) {
  @Controller()
  class WildcardController {
    @Get(platform === 'express' ? '*rest' : '*')
    anything() {
      return 'anything';
    }
  }
  return WildcardController;
}

const spec = { imports: [WebSockModule], providers: [RoomHandler, ClosedHandler] };

/** What Nest 12 has and Nest 11 has not. */
interface Nest12 {
  useSecurityHeaders(): void;
  enableCsrfProtection(): void;
}

const hasNest12 = 'useSecurityHeaders' in NestApplication.prototype;
const onNest12 = hasNest12 ? eachPlatform : describe.skip.each<Platform>(['express', 'fastify']);

onNest12(`Nest 12 on %s${hasNest12 ? '' : ' (not in Nest 11)'}`, (platform) => {
  afterEach(closeApps);

  it('validates a message by the schema of its parameter', async () => {
    const { StandardSchemaValidationPipe } = (await import('@nestjs/common')) as unknown as {
      StandardSchemaValidationPipe: new () => PipeTransform;
    };
    const app = await startApp(platform, {
      imports: [WebSockModule],
      providers: [schemaHandler()],
      setUp: (nest) => nest.useGlobalPipes(new StandardSchemaValidationPipe()),
    });
    const client = await app.open('/schema');
    client.text('{"say":"hi","more":1}');
    expect(await client.nextText()).toBe('{"say":"hi"}');
    client.text('{"say":1}');
    expect(await client.nextText()).toContain('"code":"invalid_message","message":"say: ');
  });

  it('has its security headers on the 101 and on a refusal', async () => {
    const setUp = (app: INestApplication) => (app as unknown as Nest12).useSecurityHeaders();
    const app = await startApp(platform, { ...spec, setUp });
    const [open, closed] = [await app.open('/rooms/a'), await app.open('/closed')];
    expect([open.status, closed.status]).toEqual([101, 403]);
    for (const client of [open, closed]) {
      expect(client.header('x-content-type-options')).toBe('nosniff');
      expect(client.header('strict-transport-security')).toContain('max-age');
    }
  });

  it('leaves upgrades to checkOrigin, which its CSRF protection takes for safe requests', async () => {
    const setUp = (app: INestApplication) => (app as unknown as Nest12).enableCsrfProtection();
    const app = await startApp(platform, { ...spec, setUp });
    const foreign = { Origin: 'https://evil.example', 'Sec-Fetch-Site': 'cross-site' };
    expect((await app.open('/rooms/a')).status).toBe(101);
    expect((await app.open('/rooms/a', { headers: { ...foreign, Cookie: 'session=1' } })).status).toBe(403);
  });

  it('finds no conflict between handlers, and lets a declared path win over a wildcard', async () => {
    const app = await startApp(platform, {
      ...spec,
      controllers: [wildcard(platform)],
      appOptions: {
        routeConflictPolicy: { duplicate: 'error' },
        routeResolutionStrategy: 'specificity',
      },
    });
    expect((await app.open('/rooms/a')).status).toBe(101);
    expect(await (await app.fetch('/elsewhere')).text()).toBe('anything');
  });

  it('closes with open connections where it answers 503 meanwhile', async () => {
    const app = await startApp(platform, { ...spec, appOptions: { return503OnClosing: true } });
    const client = await app.open('/rooms/a');
    const closing = app.close();
    expect(await client.nextClose()).toEqual({ code: 1012, reason: '' });
    client.destroy();
    await closing;
  });
});
