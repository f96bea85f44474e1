import { jest } from '@jest/globals';
import { Param, UseGuards } from '@nestjs/common';
import {
  type DataMessage,
  ok,
  OnIn,
  OnInit,
  OnUpgrade,
  push,
  text,
  WebSockHandler,
  WebSockModule,
} from '../../src/index.js';
import { Log } from '../support/log.js';
import { bootError, closeApps, eachPlatform, startApp } from '../support/nest.js';

@WebSockHandler('rooms/:room')
@UseGuards({
  canActivate: (context) => context.switchToHttp().getRequest().headers.authorization !== undefined,
})
class RoomHandler {
  @OnUpgrade()
  admit(@Param('room') room: string) {
    return room;
  }

  @OnInit()
  start(room: string) {
    return push(text(`real ${room}`), room);
  }

  @OnIn()
  say(message: DataMessage, state: string) {
    return push(message, state);
  }
}

@WebSockHandler('other')
class DecoratedFake {
  @OnUpgrade()
  decide(@Param() params: { room: string }) {
    return params;
  }

  @OnInit()
  begin({ room }: { room: string }) {
    return push(text(`fake ${room}`), room);
  }
}

class PlainFake {
  init(argument: unknown) {
    return push(text(`plain ${typeof argument}`), argument);
  }
}

class PartialFake {
  say([, data]: DataMessage, state: unknown) {
    return push(text(`partial ${data}`), state);
  }
}

class ExtendingFake extends RoomHandler {
  override start(room: string) {
    return push(text(`extended ${room}`), room);
  }
}

const token = { headers: { Authorization: 'x' } };

eachPlatform('overrideProvider(Handler) on %s', (platform) => {
  const start = (useClass: (new () => object) | undefined, useValue?: object) =>
    startApp(platform, {
      imports: [WebSockModule],
      providers: [RoomHandler],
      override: (builder) =>
        useClass === undefined
          ? builder.overrideProvider(RoomHandler).useValue(useValue)
          : builder.overrideProvider(RoomHandler).useClass(useClass),
    });

  afterEach(closeApps);

  it('keeps path and guards of the handler', async () => {
    const app = await start(DecoratedFake);
    expect((await app.open('/rooms/a')).status).toBe(403);
    expect((await app.open('/other', token)).status).toBe(404);
    expect((await app.open('/rooms/a', token)).status).toBe(101);
  });

  it('uses the decorated methods of a class, its @OnUpgrade with its own parameters', async () => {
    const app = await start(DecoratedFake);
    expect(await (await app.open('/rooms/a', token)).nextText()).toBe('fake a');
  });

  it('uses the methods of the WebSock interface of a class without decorators', async () => {
    const app = await start(PlainFake);
    expect(await (await app.open('/rooms/a', token)).nextText()).toBe('plain object');
  });

  it('uses methods that are named as those of the handler', async () => {
    const app = await start(PartialFake);
    const client = await app.open('/rooms/a', token);
    client.text('x');
    expect(await client.nextText()).toBe('partial x');
  });

  it('uses a subclass of the handler', async () => {
    const app = await start(ExtendingFake);
    const client = await app.open('/rooms/a', token);
    expect(await client.nextText()).toBe('extended a');
  });

  it('takes an object', async () => {
    const received = new Log<unknown[]>();
    const fake = {
      admit: (room: string) => `${room}!`,
      handleIn: (...args: unknown[]) => {
        received.add(args);
        return ok(args[1]);
      },
    };
    const app = await start(undefined, fake);
    const client = await app.open('/rooms/a', token);
    client.text('x');
    const [message, state, connection, ...none] = await received.next();
    expect([message, state, none]).toEqual([['text', 'x'], 'a!', []]);
    expect(connection).toHaveProperty('ref');
  });

  it('sees a spy that is set later', async () => {
    const fake = { admit: (room: string) => room, start: (room: string) => push(text(room), room) };
    const app = await start(undefined, fake);
    const spy = jest.spyOn(fake, 'start').mockImplementation((room) => push(text(`spied ${room}`), room));
    expect(await (await app.open('/rooms/a', token)).nextText()).toBe('spied a');
    expect(spy).toHaveBeenCalledTimes(1);
  });

  it('fails at boot for something without callbacks', async () => {
    const error = await bootError(platform, {
      imports: [WebSockModule],
      providers: [RoomHandler],
      override: (builder) => builder.overrideProvider(RoomHandler).useValue(null),
    });
    expect(error).toMatchObject({ code: 'WEBSOCK_NO_CALLBACK' });
  });
});
