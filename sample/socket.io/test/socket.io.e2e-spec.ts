import { once } from 'node:events';
import type { Server as HttpServer } from 'node:http';
import { setImmediate } from 'node:timers/promises';
import { afterEach, expect, it } from '@jest/globals';
import type { ServerOptions } from 'engine.io';
import type { HostedSocket } from 'nestjs-websock';
import { io, type ManagerOptions, type Socket, type SocketOptions } from 'socket.io-client';
import { WebSocket } from 'ws';
import { Log } from '../../../test/support/log.js';
import {
  closeApps,
  eachPlatform,
  NestApp,
  startApp,
  type AppSpec,
  type Platform,
} from '../../../test/support/nest.js';
import { AppModule } from '../src/app.module.js';
import type { FromClient, FromLobby, FromServer } from '../src/events.js';
import { ENGINE_OPTIONS, IoService } from '../src/io.service.js';
import { ANSWER_TIME } from '../src/planning.service.js';

type Client = Socket<FromServer, FromClient>;

const NONSENSE = [
  ...'x 9 2 4 4x 42 42{ 42[ 42[] 42[1] 42["ask"] 421["ask"] 42["ask",1,2] 42["ask",{"__proto__":null}]'.split(
    ' ',
  ),
  ...'42["connect"] 42["disconnect"] 42["error"] 42["error",null] 42["__proto__"] 40{ 43 430[] 439[1]'.split(
    ' ',
  ),
  ...'44x 451-["sketch"] 451-["sketch",{"_placeholder":true,"num":9}] 450- 40/nowhere, 42/nowhere,["x"]'.split(
    ' ',
  ),
  ...['', '4'.repeat(100_000), '4'.repeat(1_000_001)],
  ...[Buffer.from([]), Buffer.from([4]), Buffer.from('42["ask"]')],
];

const clients: Client[] = [];
const raws: WebSocket[] = [];

const appWith = (engine: Partial<ServerOptions> = {}, answerTime = 5_000): AppSpec => ({
  imports: [AppModule],
  override: (builder) =>
    builder
      .overrideProvider(ENGINE_OPTIONS)
      .useValue(engine)
      .overrideProvider(ANSWER_TIME)
      .useValue(answerTime),
});

const start = (platform: Platform, engine?: Partial<ServerOptions>, answerTime?: number) =>
  startApp(platform, appWith(engine, answerTime));

/** socket.io's own client. */
function clientOf(
  port: number,
  name: string,
  team: string,
  options: Partial<ManagerOptions & SocketOptions> = {},
): Client {
  const client: Client = io(`http://127.0.0.1:${port}`, {
    transports: ['websocket'],
    query: { as: name, team },
    forceNew: true,
    reconnection: false,
    ...options,
  });
  clients.push(client);
  return client;
}

/** The same, connected. */
async function connect(...given: Parameters<typeof clientOf>): Promise<Client> {
  const client = clientOf(...given);
  await eventOf(client, 'connect');
  return client;
}

/** What the next event of that name comes with. */
function eventOf(
  source: { once: (event: any, listener: any) => unknown },
  event: string,
): Promise<unknown[]> {
  return new Promise((resolve) => source.once(event, (...given: unknown[]) => resolve(given)));
}

const socketOf = (client: Client) => (client.io.engine.transport as unknown as { ws: WebSocket }).ws;

/** Why sockets leave, as listeners of the server are told: the member's name and the reason. */
function departuresOf(app: NestApp): Log<[name: string, reason: string]> {
  const departures = new Log<[string, string]>();
  app.app.get(IoService).teams.on('connection', (socket) => {
    socket.on('disconnect', (reason) => departures.add([socket.data.member.name, reason]));
  });
  return departures;
}

/** Why a client is disconnected: the reason, and the close code. */
async function endOf(client: Client): Promise<unknown[]> {
  const [reason, details] = (await eventOf(client, 'disconnect')) as [
    string,
    { context?: { code: number } }?,
  ];
  return [reason, details?.context?.code];
}

/** A socket of ws that speaks to engine.io for itself. */
function raw(app: NestApp, query: string): WebSocket {
  const socket = new WebSocket(`ws://127.0.0.1:${app.port}/socket.io/?as=Mallory&team=red${query}`);
  raws.push(socket);
  return socket;
}

/** A raw one that has joined the team, and what it gets. */
async function rawMember(app: NestApp): Promise<{ socket: WebSocket; got: Log<string> }> {
  const socket = raw(app, '&EIO=4&transport=websocket');
  const got = new Log<string>();
  socket.on('message', (data: Buffer) => got.add(data.toString()));
  socket.on('close', () => got.add('closed'));
  await got.next();
  socket.send('40');
  await got.next();
  return { socket, got };
}

eachPlatform('socket.io on %s', (platform) => {
  afterEach(async () => {
    for (const client of clients.splice(0)) client.disconnect();
    for (const socket of raws.splice(0)) socket.terminate();
    await closeApps();
  });

  it('carries events with acknowledgements both ways, for whom the upgrade names', async () => {
    const app = await start(platform);
    const ada = await connect(app.port, 'Ada', 'red');
    const bob = await connect(app.port, 'Bob', 'red');
    const asked = new Log<unknown>();
    ada.on('estimate', (question, asker, answer) => answer(5));
    bob.on('estimate', (question, asker, answer) => {
      asked.add([question, asker]);
      answer(3);
    });
    expect(await ada.emitWithAck('ask', ' login page ')).toEqual({
      value: { question: 'login page', estimates: [3, 5] },
    });
    expect(asked.all).toEqual([['login page', 'Ada']]);
    const sockets = [...app.app.get(IoService).teams.sockets.values()];
    expect(sockets.map(({ handshake }) => handshake.address)).toEqual(['127.0.0.1', '127.0.0.1']);
  });

  it('tells a team, and no other', async () => {
    const app = await start(platform);
    const rounds = new Log<string>();
    const [ada, , cleo] = await Promise.all(
      [
        ['Ada', 'red'],
        ['Bob', 'red'],
        ['Cleo', 'blue'],
      ].map(async ([name, team]) => {
        const client = await connect(app.port, name!, team!);
        client.on('estimate', (_question, _asker, answer) => answer(1));
        client.on('round', ({ question }) => rounds.add(`${name}: ${question}`));
        return client;
      }),
    );
    await ada!.emitWithAck('ask', 'login');
    await cleo!.emitWithAck('ask', 'logout');
    for (let i = 0; i < 3; i++) await rounds.next();
    expect(rounds.all.sort()).toEqual(['Ada: login', 'Bob: login', 'Cleo: logout']);
  });

  it('carries binary messages as buffers, there and on to the others', async () => {
    const app = await start(platform);
    const ada = await connect(app.port, 'Ada', 'red');
    const bob = await connect(app.port, 'Bob', 'red');
    const picture = Buffer.from(Array.from({ length: 200_000 }, (_, i) => i % 251));
    const shown = eventOf(bob, 'sketch');
    expect(await ada.emitWithAck('sketch', picture)).toEqual({ value: 1 });
    const [received, from] = (await shown) as [Buffer, string];
    expect([Buffer.isBuffer(received), received.equals(picture), from]).toEqual([true, true, 'Ada']);
  });

  it('serves a second namespace on the same connection', async () => {
    const app = await start(platform);
    const ada = await connect(app.port, 'Ada', 'red');
    const sizes = new Log<unknown>();
    const lobby: Socket<FromLobby> = ada.io.socket('/lobby');
    lobby.on('teams', (teams) => sizes.add(teams));
    expect(await sizes.next()).toEqual({ red: 1 });
    expect(app.app.get(IoService).engine.clientsCount).toBe(1);
    const bob = await connect(app.port, 'Bob', 'blue');
    expect(await sizes.next()).toEqual({ red: 1, blue: 1 });
    bob.disconnect();
    expect(await sizes.next()).toEqual({ red: 1 });
    lobby.disconnect();
  });

  it('answers invalid events, and counts answers that are none as nothing', async () => {
    const app = await start(platform, {}, 200);
    const ada = await connect(app.port, 'Ada', 'red');
    const bob = await connect(app.port, 'Bob', 'red');
    // Bob does not answer: 200 ms, and his answer is left out.
    const asked = eventOf(bob, 'estimate');
    ada.on('estimate', (_question, _asker, answer) => answer('soon' as never));
    const round = ada.emitWithAck('ask', 'login');
    await asked;
    expect(await bob.emitWithAck('ask', 'logout')).toEqual({ error: 'Your team is being asked already.' });
    expect(await round).toEqual({ value: { question: 'login', estimates: [] } });
    expect(await ada.emitWithAck('ask', '')).toEqual({ error: expect.any(String) });
    expect(await ada.emitWithAck('sketch', 'no picture' as never)).toEqual({ error: expect.any(String) });
  });

  it.each([
    ['does not say who it is', { team: 'red' }, 401],
    ['names no team', { as: 'Ada' }, 400],
  ])('refuses a client that %s: connect_error', async (_who, query, status) => {
    const app = await start(platform);
    const client = clientOf(app.port, '', '', { query });
    const [error] = (await eventOf(client, 'connect_error')) as [Error & { description: Error }];
    expect(error.message).toBe('websocket error');
    expect(error.description.message).toBe(`Unexpected server response: ${status}`);
    expect(app.app.get(IoService).engine.clientsCount).toBe(0);
  });

  it('takes clients that would begin with polling, if they may go on to WebSocket', async () => {
    const app = await start(platform);
    const options = { transports: ['polling', 'websocket'] };
    const polling = clientOf(app.port, 'Ada', 'red', options);
    const [error] = (await eventOf(polling, 'connect_error')) as [Error & { description: number }];
    expect([error.message, error.description]).toEqual(['xhr poll error', 426]);
    await connect(app.port, 'Ada', 'red', { ...options, tryAllTransports: true });
  });

  it('disconnects a client when the server says so, and it stays away', async () => {
    const app = await start(platform);
    const departures = departuresOf(app);
    const ada = await connect(app.port, 'Ada', 'red', { reconnection: true });
    const end = endOf(ada);
    app.app.get(IoService).teams.in('team red').disconnectSockets(true);
    expect((await end)[0]).toBe('io server disconnect');
    expect(ada.active).toBe(false);
    expect(await departures.next()).toEqual(['Ada', 'server namespace disconnect']);
  });

  it('keeps clients that answer engine.io’s heartbeat, and no others', async () => {
    const app = await start(platform, { pingInterval: 50, pingTimeout: 1_000 });
    const departures = departuresOf(app);
    const ada = await connect(app.port, 'Ada', 'red');
    const mute = (await rawMember(app)).socket;
    const pings = new Log<number>();
    ada.io.on('ping', () => pings.add(1));
    await once(mute, 'close');
    expect(await departures.next()).toEqual(['Mallory', 'ping timeout']);
    for (let i = 0; i < 5; i++) await pings.next();
    expect(ada.connected).toBe(true);
  });

  it('tells clients of a shutdown, and they come back to the next app and their team', async () => {
    const app = await start(platform);
    const { port } = app;
    const departures = departuresOf(app);
    const ada = await connect(port, 'Ada', 'red', { reconnection: true, reconnectionDelay: 10 });
    const end = endOf(ada);
    const back = eventOf(ada, 'connect');
    const { engine } = app.app.get(IoService);
    const closed: string[] = [];
    const close = engine.close.bind(engine);
    engine.close = () => (closed.push('socket.io'), close());
    (app.app.getHttpServer() as HttpServer).on('close', () => closed.push('HTTP'));
    await app.close();
    expect(await end).toEqual(['transport close', 1012]);
    expect(departures.all).toEqual([['Ada', 'transport close']]);
    expect(engine.clientsCount).toBe(0);
    // Nest's server is Nest's to close.
    expect(closed).toEqual(['socket.io', 'HTTP']);

    const next = await NestApp.create(platform, appWith());
    await next.app.listen(port, '127.0.0.1');
    await back;
    const bob = await connect(port, 'Bob', 'red');
    for (const client of [ada, bob]) client.on('estimate', (_question, _asker, answer) => answer(2));
    expect(await bob.emitWithAck('ask', 'login')).toMatchObject({ value: { estimates: [2, 2] } });
  });

  it('tells listeners of a client that is gone without a word', async () => {
    const app = await start(platform);
    const departures = departuresOf(app);
    const ada = await connect(app.port, 'Ada', 'red');
    const bob = await connect(app.port, 'Bob', 'red');
    const left = eventOf(bob, 'left');
    socketOf(ada).terminate();
    expect(await left).toEqual(['Ada']);
    expect(departures.all).toEqual([['Ada', 'transport close']]);
    expect(app.app.get(IoService).engine.clientsCount).toBe(1);
  });

  it('ends a client whose message is too big', async () => {
    const app = await start(platform);
    const departures = departuresOf(app);
    const ada = await connect(app.port, 'Ada', 'red');
    const end = endOf(ada);
    ada.emit('sketch', Buffer.alloc(1_000_001), () => {});
    expect(await end).toEqual(['transport close', 1009]);
    expect(await departures.next()).toEqual(['Ada', 'transport error']);
  });

  it.each([
    '&EIO=3&transport=websocket',
    '&EIO=4&transport=polling',
    '&EIO=4&transport=websocket&sid=nobody',
    '',
  ])('closes what is no connection of engine.io with 1008: %p', async (query) => {
    const app = await start(platform);
    const socket = raw(app, query);
    expect((await once(socket, 'close'))[0]).toBe(1008);
    expect(app.app.get(IoService).engine.clientsCount).toBe(0);
  });

  it('goes on for all others when a client sends nonsense', async () => {
    const app = await start(platform);
    const ada = await connect(app.port, 'Ada', 'red');
    ada.on('estimate', (_question, _asker, answer) => answer(1));
    for (const bytes of NONSENSE) {
      const { socket, got } = await rawMember(app);
      socket.send(bytes);
      // Behind it an invalid question, which is answered if the client is still there.
      socket.send('429["ask",""]');
      for (let end; end !== 'closed';) {
        end = await got.next();
        if (end.startsWith('439')) socket.close();
      }
      expect(await ada.emitWithAck('ask', 'still there?')).toMatchObject({ value: { estimates: [1] } });
    }
    expect(app.app.get(IoService).engine.clientsCount).toBe(1);
  });

  it('keeps a burst for a client that reads slowly', async () => {
    const app = await start(platform);
    const service = app.app.get(IoService);
    const accept = service.accept.bind(service);
    let hosted!: HostedSocket;
    service.accept = (socket, ...rest) => {
      hosted = socket;
      accept(socket, ...rest);
    };
    const ada = await connect(app.port, 'Ada', 'red');
    const got = new Log<string>();
    ada.on('came', (name) => got.add(name));
    let sent = 0;
    const send = (bytes: number) => service.teams.emit('came', `${sent++} ${'x'.repeat(bytes)}`);

    socketOf(ada).pause();
    do {
      send(100_000);
      await setImmediate();
    } while (hosted.bufferedAmount === 0);
    // The kernels are full. engine.io hands over the first of these, and then all others at once.
    for (let i = 0; i < 3_000; i++) send(1_000);
    await setImmediate();
    socketOf(ada).resume();
    for (let i = 0; i < sent; i++) expect((await got.next()).split(' ')[0]).toBe(String(i));
  });

  it('drops a client that does not read, and the others get everything', async () => {
    const app = await start(platform);
    const departures = departuresOf(app);
    const [ada, bob, slow] = await Promise.all(
      ['Ada', 'Bob', 'Slow'].map((name) => connect(app.port, name, 'red')),
    );
    const got = { Bob: new Log<number>(), Slow: new Log<number>() };
    bob!.on('sketch', (picture) => got.Bob.add(picture.readUInt32BE()));
    slow!.on('sketch', (picture) => got.Slow.add(picture.readUInt32BE()));
    socketOf(slow!).pause();

    const picture = Buffer.alloc(100_000);
    let sent = 0;
    // 100 MB at most.
    while (departures.all.length === 0 && sent < 1_000) {
      picture.writeUInt32BE(sent);
      await ada!.emitWithAck('sketch', picture);
      expect(await got.Bob.next()).toBe(sent++);
    }
    expect(departures.all).toEqual([['Slow', 'forced close']]);
    expect(app.app.get(IoService).engine.clientsCount).toBe(2);
    // What the kernels held comes first, and then the end.
    const end = endOf(slow!);
    socketOf(slow!).resume();
    expect((await end)[0]).toBe('transport close');
    expect(got.Slow.all.length).toBeLessThan(sent);
  });
});
