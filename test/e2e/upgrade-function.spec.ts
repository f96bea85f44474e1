import { Controller, Get, Param, Req, UseGuards } from '@nestjs/common';
import {
  type DataMessage,
  OnIn,
  OnInit,
  push,
  text,
  type UpgradableRequest,
  upgrade,
  WebSockHandler,
  WebSockModule,
} from '../../src/index.js';
import { closeApps, eachPlatform, startApp } from '../support/nest.js';

@WebSockHandler({ maxMessageSize: 10 })
class RoomHandler {
  @OnInit()
  init(argument: unknown) {
    return push(text(JSON.stringify(argument)), argument);
  }

  @OnIn()
  echo(message: DataMessage, state: unknown) {
    return push(message, state);
  }
}

@WebSockHandler()
@UseGuards({ canActivate: () => false })
class GuardedHandler extends RoomHandler {}

class StrangeHandler extends RoomHandler {}

@Controller('rooms')
class RoomController {
  constructor(private readonly handler: RoomHandler) {}

  @Get('plain')
  plain(@Req() request: UpgradableRequest) {
    return upgrade(request, { init: () => push(text('plain'), undefined) });
  }

  @Get('instance')
  instance(@Req() request: UpgradableRequest) {
    return upgrade(request, this.handler, 'instance');
  }

  @Get('guarded')
  guarded(@Req() request: UpgradableRequest) {
    return upgrade(request, GuardedHandler, 'guarded');
  }

  @Get('trusted')
  trusted(@Req() request: UpgradableRequest) {
    return upgrade(request, GuardedHandler, 'trusted', { guardedByCaller: true });
  }

  @Get('strange')
  strange(@Req() request: UpgradableRequest) {
    return upgrade(request, StrangeHandler);
  }

  @Get('large')
  large(@Req() request: UpgradableRequest) {
    return upgrade(request, RoomHandler, 'large', { maxMessageSize: 20 });
  }

  @Get('at/:room')
  room(@Req() request: UpgradableRequest, @Param('room') room: string) {
    return upgrade(request, RoomHandler, { room });
  }
}

eachPlatform('upgrade() in a controller on %s', (platform) => {
  const errors: string[] = [];
  const start = () =>
    startApp(platform, {
      imports: [WebSockModule],
      controllers: [RoomController],
      providers: [RoomHandler, GuardedHandler],
      logger: { log() {}, warn() {}, error: (error: unknown) => errors.push(String(error)) },
    });

  beforeEach(() => errors.splice(0));
  afterEach(closeApps);

  it('takes a handler class, and an argument for init', async () => {
    const app = await start();
    expect(await (await app.open('/rooms/at/a')).nextText()).toBe('{"room":"a"}');
  });

  it('takes the instance, and any WebSock', async () => {
    const app = await start();
    expect(await (await app.open('/rooms/instance')).nextText()).toBe('"instance"');
    expect(await (await app.open('/rooms/plain')).nextText()).toBe('plain');
  });

  it("lays its options over the handler's", async () => {
    const app = await start();
    const strict = await app.open('/rooms/at/a');
    strict.text('12345678901');
    await strict.nextText();
    expect(await strict.nextClose()).toMatchObject({ code: 1009 });
    const large = await app.open('/rooms/large');
    large.text('12345678901');
    await large.nextText();
    expect(await large.nextText()).toBe('12345678901');
  });

  it('refuses a handler with guards, unless the caller is guarded', async () => {
    const app = await start();
    expect((await app.open('/rooms/guarded')).status).toBe(500);
    expect(errors).toEqual([expect.stringContaining('GuardedHandler has class-level guards')]);
    expect(await (await app.open('/rooms/trusted')).nextText()).toBe('"trusted"');
  });

  it('refuses a class that is no handler of the app', async () => {
    const app = await start();
    expect((await app.open('/rooms/strange')).status).toBe(500);
    expect(errors).toEqual([expect.stringContaining('StrangeHandler is no handler of this app')]);
  });

  it('answers a bad handshake and a plain GET as a declared path does', async () => {
    const app = await start();
    const old = await app.open('/rooms/at/a', { headers: { 'Sec-WebSocket-Version': '8' } });
    expect([old.status, old.header('sec-websocket-version')]).toEqual([426, '13']);
    const plain = await app.fetch('/rooms/at/a');
    expect([plain.status, plain.headers.get('upgrade')]).toEqual([426, 'websocket']);
  });
});
