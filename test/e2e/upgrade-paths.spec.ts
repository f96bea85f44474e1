import { All, Controller, Get, Module, Param, Req, Version, VersioningType } from '@nestjs/common';
import { RouterModule } from '@nestjs/core';
import {
  OnInit,
  push,
  text,
  type UpgradableRequest,
  upgrade,
  WebSockHandler,
  WebSockModule,
} from '../../src/index.js';
import { closeApps, eachPlatform, startApp } from '../support/nest.js';

@WebSockHandler()
class TellingHandler {
  @OnInit()
  init(argument: unknown) {
    return push(text(String(argument)), argument);
  }
}

@Controller('live')
class LiveController {
  @Get()
  @Version('1')
  one(@Req() request: UpgradableRequest) {
    return upgrade(request, TellingHandler, 'one');
  }

  @Get()
  @Version('2')
  two(@Req() request: UpgradableRequest) {
    return upgrade(request, TellingHandler, 'two');
  }
}

@Controller('plain')
class PlainController {
  @Get()
  plain(@Req() request: UpgradableRequest) {
    return upgrade(request, TellingHandler, 'plain');
  }
}

@Controller({ path: 'hosted', host: ':tenant.example.com' })
class HostedController {
  @Get()
  hosted(@Req() request: UpgradableRequest & { hosts: { tenant: string } }) {
    return upgrade(request, TellingHandler, request.hosts.tenant);
  }
}

@Module({ controllers: [PlainController] })
class PlainModule {}

eachPlatform('the route of a controller that upgrades on %s', (platform) => {
  const imports = [WebSockModule];
  const providers = [TellingHandler];

  afterEach(closeApps);

  it('is behind the global prefix and the path that RouterModule gives its module', async () => {
    const app = await startApp(platform, {
      imports: [...imports, PlainModule, RouterModule.register([{ path: 'feature', module: PlainModule }])],
      providers,
      setUp: (nest) => nest.setGlobalPrefix('api'),
    });
    expect(await (await app.open('/api/feature/plain')).nextText()).toBe('plain');
    expect((await app.open('/plain')).status).toBe(404);
  });

  it('has a version in its path', async () => {
    const app = await startApp(platform, {
      imports,
      providers,
      controllers: [LiveController],
      setUp: (nest) => nest.enableVersioning({ type: VersioningType.URI }),
    });
    expect(await (await app.open('/v1/live')).nextText()).toBe('one');
    expect(await (await app.open('/v2/live')).nextText()).toBe('two');
  });

  it.each([
    ['a header', { type: VersioningType.HEADER, header: 'X-Version' } as const, 'X-Version', ''],
    ['the media type', { type: VersioningType.MEDIA_TYPE, key: 'v=' } as const, 'Accept', 'text/plain;v='],
  ])('has a version in %s', async (_where, versioning, header, before) => {
    const app = await startApp(platform, {
      imports,
      providers,
      controllers: [LiveController],
      setUp: (nest) => nest.enableVersioning(versioning),
    });
    const open = (version: string) => app.open('/live', { headers: { [header]: before + version } });
    expect(await (await open('1')).nextText()).toBe('one');
    expect(await (await open('2')).nextText()).toBe('two');
    expect((await open('3')).status).toBe(404);
  });

  it('is for its host only', async () => {
    const app = await startApp(platform, { imports, providers, controllers: [HostedController] });
    const client = await app.open('/hosted', { headers: { Host: 'acme.example.com' } });
    expect(await client.nextText()).toBe('acme');
    expect((await app.open('/hosted', { headers: { Host: 'example.org' } })).status).toBe(404);
  });
});

/** Everything that nobody else has. */
@Controller()
class PageController {
  @Get('*')
  page() {
    return 'page';
  }
}

@Controller('rooms')
class RoomsController {
  @All('*')
  anything() {
    return 'anything';
  }

  @Get('list')
  list() {
    return 'list';
  }
}

@WebSockHandler('rooms/:room')
class RoomHandler extends TellingHandler {
  init() {
    return push(text('room'), undefined);
  }
}

@WebSockHandler('deep/*')
class DeepHandler extends RoomHandler {}

@Controller('rooms')
class ListController {
  @Get('list')
  list() {
    return 'list';
  }

  @Get(':room/members')
  members(@Param('room') room: string) {
    return `members of ${room}`;
  }
}

@Module({ imports: [WebSockModule], providers: [RoomHandler, DeepHandler] })
class RoomModule {}

eachPlatform('a wildcard controller on %s', (platform) => {
  afterEach(closeApps);

  it('does not swallow the paths of handlers, in its module or behind it', async () => {
    const app = await startApp(platform, {
      imports: [RoomModule],
      controllers: [PageController],
    });
    expect((await app.open('/rooms/a')).status).toBe(101);
    expect((await app.open('/deep/er/still')).status).toBe(101);
    expect((await app.fetch('/rooms/a')).status).toBe(426);
    expect(await (await app.fetch('/rooms/a/b')).text()).toBe('page');
    expect(await (await app.fetch('/elsewhere')).text()).toBe('page');
  });

  it('does not swallow them below a path either, whatever the method', async () => {
    const app = await startApp(platform, { imports: [RoomModule], controllers: [RoomsController] });
    expect((await app.open('/rooms/a')).status).toBe(101);
    expect(await (await app.fetch('/rooms/a', { method: 'PUT' })).text()).toBe('anything');
    expect(await (await app.fetch('/rooms/a/b')).text()).toBe('anything');
  });

  it('changes nothing for routes that are closer than the handler', async () => {
    const app = await startApp(platform, {
      imports: [RoomModule],
      controllers: [ListController, PageController],
    });
    expect(await (await app.fetch('/rooms/list')).text()).toBe('list');
    expect(await (await app.fetch('/rooms/a/members')).text()).toBe('members of a');
    expect((await app.open('/rooms/a')).status).toBe(101);
  });
});
