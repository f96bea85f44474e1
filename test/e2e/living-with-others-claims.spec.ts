import type { Server } from 'node:http';
import { createServer, type AddressInfo } from 'node:net';
import { Controller, Get, Module, Req, VersioningType } from '@nestjs/common';
import { RouterModule } from '@nestjs/core';
import { IoAdapter } from '@nestjs/platform-socket.io';
import { WsAdapter } from '@nestjs/platform-ws';
import { WebSocketGateway } from '@nestjs/websockets';
import {
  ConfigError,
  ok,
  OnInit,
  Upgradable,
  upgrade,
  WebSockHandler,
  WebSockModule,
} from '../../src/index.js';
import { WebSockGatewayAdapter } from '../../src/gateway.js';
import type { UpgradableRequest } from '../../src/core.js';
import { listenForeignly, THEIRS } from '../support/foreign-listener.js';
import { RawClient } from '../support/raw-client.js';
import { type AppSpec, bootError, closeApps, eachPlatform, type NestApp, startApp } from '../support/nest.js';

class Callbacks {
  @OnInit()
  init() {
    return ok('state');
  }
}

@WebSockHandler('rooms/:room')
class RoomHandler extends Callbacks {}

/** Each framework writes a wildcard in its own way. */
@WebSockHandler('files/*path')
class FilesHandlerOfExpress extends Callbacks {}

@WebSockHandler('files/*')
class FilesHandlerOfFastify extends Callbacks {}

@WebSockHandler('orders/:number(^\\d+)')
class PatternHandler extends Callbacks {}

@WebSockHandler('graphql')
class GraphqlHandler extends Callbacks {}

@WebSockHandler({ path: '', host: ':tenant.example.com' })
class TenantHandler extends Callbacks {}

@WebSockHandler({ path: 'news', version: '2' })
class NewsHandler extends Callbacks {}

@WebSockHandler('own')
class FeatureHandler extends Callbacks {}

@Module({ imports: [WebSockModule], providers: [FeatureHandler] })
class FeatureModule {}

@WebSockHandler()
class LiveHandler extends Callbacks {}

@Controller('articles')
class ArticlesController {
  @Upgradable()
  @Get(':id/live')
  live(@Req() request: UpgradableRequest) {
    return upgrade(request, LiveHandler);
  }

  @Get(':id/unmarked')
  unmarked(@Req() request: UpgradableRequest) {
    return upgrade(request, LiveHandler);
  }
}

@Upgradable()
@Controller()
class AllController {
  @Get('*')
  all(@Req() request: UpgradableRequest) {
    return upgrade(request, LiveHandler);
  }
}

@WebSocketGateway({ path: '/rooms/lobby' })
class LobbyGateway {}

@WebSocketGateway(0, { path: '/' })
class RootGateway {}

@WebSocketGateway(0, { path: '/chat' })
class ChatGateway {
  handleConnection(client: { send(text: string): void }) {
    client.send('from the gateway');
  }
}

const imports = [WebSockModule];
const providers = [RoomHandler, LiveHandler];
const controllers = [ArticlesController];

/** Somebody else takes all upgrades that reach it. */
const foreign: NonNullable<AppSpec['setUp']> = (nest) => listenForeignly(nest.getHttpServer() as Server);

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function statuses(app: NestApp, ...paths: string[]): Promise<number[]> {
  const all: number[] = [];
  for (const path of paths) all.push((await app.open(path)).status);
  return all;
}

eachPlatform('whose an upgrade request is, on %s', (platform) => {
  afterEach(closeApps);

  it("is ours on a handler's path, theirs on any other", async () => {
    const files = platform === 'express' ? FilesHandlerOfExpress : FilesHandlerOfFastify;
    const app = await startApp(platform, { imports, providers: [...providers, files], setUp: foreign });
    expect(await statuses(app, '/rooms/7', '/rooms/7?a=/b', '/files/a/b', '/rooms/a%20b')).toEqual(
      Array(4).fill(101),
    );
    expect(await statuses(app, '/', '/rooms', '/rooms/7/8', '/files', '/filesystem/a', '/%')).toEqual(
      Array(6).fill(THEIRS),
    );
  });

  it('goes by global prefix, URI version and RouterModule', async () => {
    const app = await startApp(platform, {
      imports: [FeatureModule, RouterModule.register([{ path: 'feature', module: FeatureModule }])],
      providers: [RoomHandler, NewsHandler],
      setUp(nest) {
        nest.setGlobalPrefix('api').enableVersioning({ type: VersioningType.URI, defaultVersion: '1' });
        foreign(nest);
      },
    });
    expect(await statuses(app, '/api/v1/rooms/7', '/api/v2/news', '/api/v1/feature/own')).toEqual(
      Array(3).fill(101),
    );
    expect(await statuses(app, '/rooms/7', '/api/v1/news', '/api/v1/own')).toEqual(Array(3).fill(THEIRS));
  });

  it('goes by host', async () => {
    const app = await startApp(platform, { imports, providers: [TenantHandler], setUp: foreign });
    expect((await app.open('/', { headers: { Host: 'a.example.com:80' } })).status).toBe(101);
    expect((await app.open('/', { headers: { Host: 'example.org' } })).status).toBe(THEIRS);
  });

  it('is ours whatever the version in a header: a wrong one is a 404', async () => {
    const app = await startApp(platform, {
      imports,
      providers: [NewsHandler],
      setUp(nest) {
        nest.enableVersioning({ type: VersioningType.HEADER, header: 'X-Version' });
        foreign(nest);
      },
    });
    expect((await app.open('/news', { headers: { 'X-Version': '2' } })).status).toBe(101);
    expect((await app.open('/news', { headers: { 'X-Version': '3' } })).status).toBe(404);
  });

  it('follows the router in case, final slash and percent-encoding', async () => {
    const app = await startApp(platform, { imports, providers: [RoomHandler], setUp: foreign });
    const ours = await statuses(app, '/ROOMS/7', '/rooms/7/', '/%72ooms/7');
    expect(ours).toEqual(platform === 'express' ? [101, 101, THEIRS] : [THEIRS, THEIRS, 101]);
  });

  it('goes by the proxy too, whom only the app knows to trust', async () => {
    const app = await startApp(platform, { imports, providers: [TenantHandler], setUp: foreign });
    const headers = { Host: 'internal', 'X-Forwarded-Host': 'a.example.com, b' };
    expect((await app.open('/', { headers })).status).toBe(404);
  });

  if (platform === 'fastify')
    it("may be written in Fastify's own syntax", async () => {
      const app = await startApp(platform, { imports, providers: [PatternHandler], setUp: foreign });
      expect(await statuses(app, '/orders/7', '/orders/seven', '/order')).toEqual([101, 404, THEIRS]);
    });

  it('is ours on the route of a controller only where that is marked @Upgradable()', async () => {
    const app = await startApp(platform, { imports, providers, controllers, setUp: foreign });
    expect(await statuses(app, '/articles/7/live', '/articles/7/unmarked', '/articles/7')).toEqual([
      101,
      THEIRS,
      THEIRS,
    ]);
  });

  it('is ours everywhere when nobody else listens', async () => {
    const app = await startApp(platform, { imports, providers, controllers });
    expect(await statuses(app, '/articles/7/live', '/articles/7/unmarked', '/nowhere')).toEqual([
      101, 101, 404,
    ]);
  });

  it('is theirs on passthrough paths and below, before @Upgradable() routes', async () => {
    const app = await startApp(platform, {
      imports: [WebSockModule.forRoot({ passthrough: ['/graphql', '/hub/'] })],
      providers,
      controllers: [AllController],
      setUp: foreign,
    });
    expect(await statuses(app, '/graphql', '/graphql?a', '/graphql/b', '/hub', '/hub/b')).toEqual(
      Array(5).fill(THEIRS),
    );
    expect(await statuses(app, '/graphqls', '/rooms/7', '/hu')).toEqual(Array(3).fill(101));
  });

  it('is ours on passthrough paths that nobody listens for', async () => {
    const passthrough = ['/graphql'];
    const app = await startApp(platform, { imports: [WebSockModule.forRoot({ passthrough })], providers });
    expect(await statuses(app, '/graphql')).toEqual([404]);
  });

  it("is a gateway's on its path, before @Upgradable() routes", async () => {
    const app = await startApp(platform, {
      imports,
      providers: [...providers, ChatGateway],
      controllers: [AllController],
      setUp: (nest) => nest.useWebSocketAdapter(new WsAdapter(nest)),
    });
    expect(await (await app.open('/chat')).nextText()).toBe('from the gateway');
    expect(await statuses(app, '/chat/7')).toEqual([101]);
  });

  it('is theirs on any path when it asks for no WebSocket', async () => {
    const app = await startApp(platform, { imports, providers, setUp: foreign });
    const request = {
      headers: { Upgrade: 'h2c', Connection: 'Upgrade, HTTP2-Settings', 'HTTP2-Settings': '' },
    };
    expect((await app.open('/rooms/7', request)).status).toBe(THEIRS);
  });

  it('is ours beside WebSockGatewayAdapter wherever it has no gateway', async () => {
    const app = await startApp(platform, {
      imports,
      providers: [...providers, ChatGateway],
      controllers,
      setUp: (nest) => nest.useWebSocketAdapter(new WebSockGatewayAdapter(nest)),
    });
    expect(await statuses(app, '/chat', '/rooms/7', '/articles/7/unmarked', '/nowhere')).toEqual([
      101, 101, 101, 404,
    ]);
  });

  it('never reaches both', async () => {
    const seen: (string | undefined)[] = [];
    const app = await startApp(platform, {
      imports,
      providers,
      setUp: (nest) => listenForeignly(nest.getHttpServer() as Server, ({ url }) => seen.push(url)),
    });
    expect(await statuses(app, '/rooms/7', '/theirs')).toEqual([101, THEIRS]);
    expect(seen).toEqual(['/theirs']);
  });
});

eachPlatform('a path claimed twice on %s', (platform) => {
  afterEach(closeApps);

  const faults: [string, AppSpec, string[]][] = [
    [
      'by a handler and a gateway on WsAdapter',
      {
        providers: [RoomHandler, LobbyGateway],
        setUp: (nest) => nest.useWebSocketAdapter(new WsAdapter(nest)),
      },
      [
        '/rooms/lobby',
        'the gateway LobbyGateway',
        '/rooms/:room',
        '@WebSockHandler RoomHandler',
        'another path',
      ],
    ],
    [
      'by a handler and a gateway on socket.io',
      {
        providers: [RoomHandler, LobbyGateway],
        setUp: (nest) => nest.useWebSocketAdapter(new IoAdapter(nest)),
      },
      ['/rooms/lobby', 'LobbyGateway', 'RoomHandler'],
    ],
    [
      'by a handler and passthrough',
      {
        imports: [WebSockModule.forRoot({ passthrough: ['/graphql'] })],
        providers: [GraphqlHandler],
      },
      ['/graphql', 'the module option passthrough', '@WebSockHandler GraphqlHandler'],
    ],
  ];

  it.each(faults)('%s is a boot error', async (_name, spec, words) => {
    const error = await bootError(platform, { ...spec, imports: spec.imports ?? imports });
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as ConfigError).code).toBe('WEBSOCK_PATH_OF_OTHERS');
    for (const word of words) expect((error as Error).message).toContain(word);
  });

  it('is none where the handler has a host of its own', async () => {
    const app = await startApp(platform, {
      imports,
      providers: [TenantHandler, RootGateway],
      setUp: (nest) => nest.useWebSocketAdapter(new WsAdapter(nest)),
    });
    expect((await app.open('/', { headers: { Host: 'a.example.com' } })).status).toBe(101);
  });

  it('is none where the gateway has a port of its own', async () => {
    const port = await freePort();
    @WebSocketGateway(port, { path: '/rooms/lobby' })
    class OwnPortGateway {}
    const app = await startApp(platform, {
      imports,
      providers: [...providers, OwnPortGateway],
      setUp: (nest) => nest.useWebSocketAdapter(new WsAdapter(nest)),
    });
    expect(await statuses(app, '/rooms/lobby')).toEqual([101]);
    const client = await RawClient.open(port, { path: '/rooms/lobby' });
    expect(client.status).toBe(101);
    client.destroy();
  });

  it('is none below a passthrough path', async () => {
    const app = await startApp(platform, {
      imports: [WebSockModule.forRoot({ passthrough: ['/rooms'] })],
      providers,
      setUp: foreign,
    });
    expect(await statuses(app, '/rooms/7', '/rooms')).toEqual([101, THEIRS]);
  });

  it.each([[['graphql']], ['/graphql'], [[7]]])('passthrough: %j is refused at boot', async (passthrough) => {
    const options = { passthrough } as unknown as { passthrough: string[] };
    const error = await bootError(platform, { imports: [WebSockModule.forRoot(options)] });
    expect(error).toMatchObject({ code: 'WEBSOCK_OPTION_INVALID' });
    expect((error as Error).message).toContain("['/graphql']");
  });
});
