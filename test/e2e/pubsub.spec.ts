import { Injectable, type OnModuleDestroy, type OnModuleInit, Param } from '@nestjs/common';
import { ClsModule, ClsService } from 'nestjs-cls';
import {
  type CloseReason,
  Connection,
  Connections,
  type DataMessage,
  type DownInfo,
  json,
  ok,
  OnIn,
  OnInfo,
  OnInit,
  OnTerminate,
  OnUpgrade,
  PubSub,
  push,
  text,
  WebSockHandler,
  WebSockModule,
  WebSockServer,
} from '../../src/index.js';
import { Log } from '../support/log.js';
import { LogLines } from '../support/log-lines.js';
import { closeApps, eachPlatform, startApp } from '../support/nest.js';

interface State {
  readonly room: string;
  readonly self: Connection;
}

/** Whoever says something says it to the others of the room. */
@WebSockHandler('rooms/:room')
class RoomHandler {
  constructor(private readonly pubsub: PubSub) {}

  @OnUpgrade()
  admit(@Param('room') room: string) {
    return { room };
  }

  @OnInit()
  enter({ room }: { room: string }, self: Connection) {
    self.subscribe(`room:${room}`);
    return push(text(self.ref), { room, self });
  }

  @OnIn()
  say([, data]: DataMessage, state: State) {
    this.pubsub.broadcastFrom(state.self, `room:${state.room}`, String(data));
    return ok(state);
  }

  @OnInfo()
  told(words: string, state: State) {
    return push(text(`told ${words}`), state);
  }

  @OnTerminate()
  leave(_reason: CloseReason, { room }: State) {
    this.pubsub.broadcast(`room:${room}`, 'somebody left');
  }
}

/** Prices go to the client as they come; other info to the handler. */
@WebSockHandler('prices')
class PricesHandler {
  static fastlane(price: number) {
    if (price < 0) throw new RangeError('no such price');
    return json({ price });
  }

  @OnInit()
  watch(_request: unknown, connection: Connection) {
    connection.subscribe('prices', { fastlane: PricesHandler.fastlane });
    return push(text('open'), 0);
  }

  @OnIn()
  ask([, data]: DataMessage, state: number, connection: Connection) {
    connection.sendInfo(String(data));
    return ok(state);
  }

  @OnInfo()
  answer(question: string, state: number) {
    return push(text(`info ${question}`), state);
  }
}

/** Watches the connection that its client names. */
@WebSockHandler('watch')
class WatchHandler {
  @OnInit()
  start() {
    return push(text('open'), 0);
  }

  @OnIn()
  watch([, ref]: DataMessage, state: number, connection: Connection) {
    connection.monitor(String(ref));
    return push(text('watching'), state);
  }

  @OnInfo()
  down([, ref, reason]: DownInfo, state: number) {
    return push(text(`${ref} is down: ${JSON.stringify(reason)}`), state);
  }
}

let heard: Log<string>;

/** A service that listens, by a function and by a loop. */
@Injectable()
class Listener implements OnModuleInit, OnModuleDestroy {
  constructor(
    private readonly pubsub: PubSub,
    private readonly cls: ClsService,
  ) {}

  onModuleInit(): void {
    this.pubsub.subscribe('room:lobby', (words: string, topic) => {
      heard.add(`${topic}: ${words}, as ${String(this.cls.get('user'))}`);
    });
    void this.read();
  }

  onModuleDestroy(): void {
    heard.add('destroyed');
  }

  private async read(): Promise<void> {
    for await (const words of this.pubsub.messages<string>('room:lobby')) heard.add(`loop: ${words}`);
    heard.add('loop over');
  }
}

/** Fails for every message. */
@Injectable()
class Failing {
  constructor(pubsub: PubSub) {
    pubsub.subscribe('prices', () => Promise.reject(new Error('the till is closed')));
  }
}

eachPlatform('topics on %s', (platform) => {
  beforeEach(() => (heard = new Log()));
  afterEach(closeApps);

  it('bring a room what is said in it, to all but the one who says it, and who left', async () => {
    const app = await startApp(platform, { imports: [WebSockModule], providers: [RoomHandler] });
    const [ann, bob] = [await app.open('/rooms/lobby'), await app.open('/rooms/lobby')];
    const cy = await app.open('/rooms/cellar');
    for (const client of [ann, bob, cy]) await client.nextText();
    ann.text('one');
    ann.text('two');
    expect([await bob.nextText(), await bob.nextText()]).toEqual(['told one', 'told two']);
    bob.text('three');
    expect(await ann.nextText()).toBe('told three');
    bob.reset();
    expect(await ann.nextText()).toBe('told somebody left');
    // The next that anybody else gets is this.
    app.app.get(PubSub).broadcast('room:cellar', 'water');
    expect(await cy.nextText()).toBe('told water');
  });

  it('go to services as well, in their own async context, until handlers have terminated', async () => {
    const app = await startApp(platform, {
      imports: [
        WebSockModule,
        ClsModule.forRoot({
          global: true,
          middleware: { mount: true, setup: (cls, req) => cls.set('user', req.headers['x-user']) },
        }),
      ],
      providers: [RoomHandler, Listener],
    });
    const ann = await app.open('/rooms/lobby', { headers: { 'X-User': 'ann' } });
    await ann.nextText();
    ann.text('hello');
    const both = [await heard.next(), await heard.next()].sort();
    expect(both).toEqual(['loop: hello', 'room:lobby: hello, as undefined']);
    const closed = app.close();
    await ann.nextClose();
    ann.destroy();
    await closed;
    const last = heard.all.slice(2);
    expect(last.slice(0, 2).sort()).toEqual([
      'loop: somebody left',
      'room:lobby: somebody left, as undefined',
    ]);
    expect(last.slice(2).sort()).toEqual(['destroyed', 'loop over']);
  });

  it('go straight to clients by a fastlane, in their place, framed as any message', async () => {
    const app = await startApp(platform, { imports: [WebSockModule], providers: [PricesHandler] });
    const pubsub = app.app.get(PubSub);
    const clients = [await app.open('/prices'), await app.open('/prices')];
    for (const client of clients) await client.nextText();
    pubsub.broadcast('prices', 7);
    app.app.get(Connections).sendInfo(app.app.get(Connections).list()[0]!, 'a');
    pubsub.broadcast('prices', 8);
    const [first, second] = clients;
    expect([await first!.nextText(), await first!.nextText(), await first!.nextText()]).toEqual([
      '{"price":7}',
      'info a',
      '{"price":8}',
    ]);
    expect([await second!.nextText(), await second!.nextText()]).toEqual(['{"price":7}', '{"price":8}']);
  });

  it('write down who fails, and fail nobody else', async () => {
    const logger = new LogLines();
    const app = await startApp(platform, {
      imports: [WebSockModule],
      providers: [PricesHandler, Failing],
      logger,
    });
    const client = await app.open('/prices');
    await client.nextText();
    const pubsub = app.app.get(PubSub);
    const slow = pubsub.messages('prices', { highWaterMark: 1 });
    for (const price of [-1, 2]) pubsub.broadcast('prices', price);
    expect(await client.nextText()).toBe('{"price":2}');
    expect(slow.dropped).toBe(1);
    expect(logger.at('error')).toEqual([
      'a fastlane function of topic prices failed: RangeError: no such price',
      'a listener to topic prices failed: Error: the till is closed',
      'a listener to topic prices failed: Error: the till is closed',
    ]);
    expect(logger.at('warn')).toEqual([
      "messages('prices') are taken too slowly: more than 1 waited, and the oldest are dropped",
    ]);
  });

  it('are one table for the whole app: the server, PubSub, and every connection', async () => {
    const app = await startApp(platform, { imports: [WebSockModule], providers: [RoomHandler] });
    expect(app.app.get(WebSockServer).pubsub).toBe(app.app.get(PubSub));
    const ann = await app.open('/rooms/lobby');
    const ref = await ann.nextText();
    const pubsub = app.app.get(PubSub);
    pubsub.subscribe('user:ann', ref);
    pubsub.broadcast('user:ann', 'hello');
    expect(await ann.nextText()).toBe('told hello');
  });
});

eachPlatform('a monitor on %s', (platform) => {
  afterEach(closeApps);

  it('tells how another connection ended', async () => {
    const app = await startApp(platform, {
      imports: [WebSockModule],
      providers: [RoomHandler, WatchHandler],
    });
    const ann = await app.open('/rooms/lobby');
    const ref = await ann.nextText();
    const watcher = await app.open('/watch');
    await watcher.nextText();
    watcher.text(ref);
    expect(await watcher.nextText()).toBe('watching');
    const reasons: unknown[] = [];
    app.app.get(Connections).monitor(ref, (reason) => reasons.push(reason));
    ann.close(1000);
    expect(await watcher.nextText()).toBe(`${ref} is down: "remote"`);
    expect(reasons).toEqual(['remote']);
    watcher.text(ref);
    expect([await watcher.nextText(), await watcher.nextText()]).toEqual([
      'watching',
      `${ref} is down: "noproc"`,
    ]);
  });
});
