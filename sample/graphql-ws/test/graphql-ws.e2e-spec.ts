import { afterEach, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import {
  createClient,
  GRAPHQL_TRANSPORT_WS_PROTOCOL,
  type Client,
  type ClientOptions,
  type Message,
  type ServerOptions,
} from 'graphql-ws';
import { WebSocket } from 'ws';
import { Log } from '../../../test/support/log.js';
import {
  closeApps,
  eachPlatform,
  startApp,
  type NestApp,
  type Platform,
} from '../../../test/support/nest.js';
import { AppModule } from '../src/app.module.js';
import { SERVER_OPTIONS } from '../src/graphql.handler.js';
import { PollsService } from '../src/polls.service.js';

const TALLY = '{ tally { choice votes } }';
const clients: Client[] = [];

const start = (platform: Platform, options: ServerOptions = {}) =>
  startApp(platform, {
    imports: [AppModule],
    override: (builder) => builder.overrideProvider(SERVER_OPTIONS).useValue(options),
  });

function addressOf(app: NestApp, query = '?as=Ada'): string {
  return `ws://127.0.0.1:${app.port}/graphql/lunch${query}`;
}

/** graphql-ws's own client. */
function connect(url: ClientOptions['url'], options: Partial<ClientOptions> = {}): Client {
  const client = createClient({ url, webSocketImpl: WebSocket, retryAttempts: 0, ...options });
  clients.push(client);
  return client;
}

async function ask(client: Client, query: string): Promise<unknown> {
  for await (const result of client.iterate({ query })) return result;
  return undefined;
}

const vote = (client: Client, choice: string) =>
  ask(client, `mutation { vote(choice: "${choice}") { votes } }`);

/** Subscribes, and keeps what comes. */
function follow(client: Client): { tallies: Log<unknown>; leave: () => void } {
  const tallies = new Log<unknown>();
  const leave = client.subscribe(
    { query: `subscription ${TALLY}` },
    { next: ({ data }) => tallies.add(data?.tally), error: (error) => tallies.add(error), complete() {} },
  );
  return { tallies, leave };
}

/** What ends the connection of a client that subscribes. */
function refusalOf(app: NestApp, options: Partial<ClientOptions> = {}): Promise<unknown> {
  return ask(connect(addressOf(app), options), `subscription ${TALLY}`).then(
    () => 'no refusal',
    ({ code, reason }: { code: number; reason: string }) => [code, reason],
  );
}

/** Sends this as soon as the client is open, or connected: has been acknowledged. */
function sends(when: 'opened' | 'connected', ...messages: (Message | string)[]): Partial<ClientOptions> {
  const send = (socket: unknown) => {
    for (const message of messages)
      (socket as WebSocket).send(typeof message === 'string' ? message : JSON.stringify(message));
  };
  return { on: { [when]: send } };
}

eachPlatform('GraphQL on %s', (platform) => {
  afterEach(async () => {
    jest.restoreAllMocks();
    for (const client of clients.splice(0)) await client.dispose();
    await closeApps();
  });

  it('answers queries and mutations, with what the upgrade says as their context', async () => {
    const app = await start(platform);
    const client = connect(addressOf(app));
    expect(await ask(client, '{ me }')).toEqual({ data: { me: 'Ada' } });
    expect(await vote(client, 'soup')).toEqual({ data: { vote: [{ votes: 1 }] } });
    expect(await ask(client, TALLY)).toEqual({ data: { tally: [{ choice: 'soup', votes: 1 }] } });
    expect(await vote(client, '')).toMatchObject({ errors: [{ message: 'Vote for something.' }] });
    await expect(ask(client, '{ nope }')).rejects.toMatchObject([
      { message: expect.stringContaining('nope') },
    ]);
  });

  it('tells subscribers of every vote, of other voters too', async () => {
    const app = await start(platform);
    const ada = connect(addressOf(app));
    const bob = connect(addressOf(app, '?as=Bob'));
    const { tallies } = follow(ada);
    expect(await tallies.next()).toEqual([]);
    await vote(bob, 'soup');
    await vote(ada, 'soup');
    await vote(bob, 'bread');
    expect(await tallies.next()).toEqual([{ choice: 'soup', votes: 1 }]);
    expect(await tallies.next()).toEqual([{ choice: 'soup', votes: 2 }]);
    expect(await tallies.next()).toEqual([
      { choice: 'bread', votes: 1 },
      { choice: 'soup', votes: 1 },
    ]);
  });

  it.each(['leaves its subscription', 'is gone'])('follows no votes for a client that %s', async (how) => {
    const app = await start(platform);
    const left = new Log<string>();
    const polls = app.app.get(PollsService);
    const followed = polls.follow.bind(polls);
    polls.follow = (poll) => {
      const tallies = followed(poll);
      const leave = tallies.return!.bind(tallies);
      return Object.assign(tallies, { return: () => (left.add(poll), leave()) });
    };
    const sockets: WebSocket[] = [];
    const client = connect(addressOf(app), {
      on: { connected: (socket) => void sockets.push(socket as WebSocket) },
    });
    const { tallies, leave } = follow(client);
    await tallies.next();
    expect(left.all).toEqual([]);
    if (how === 'is gone') sockets[0]!.terminate();
    else leave();
    expect(await left.next()).toBe('lunch');
  });

  it('refuses an upgrade that does not say who votes', async () => {
    const app = await start(platform);
    await expect(ask(connect(addressOf(app, '')), '{ me }')).rejects.toMatchObject({
      message: expect.stringContaining('401'),
    });
  });

  it('closes with the codes of its protocol', async () => {
    const logged = jest.spyOn(Logger.prototype, 'error');
    const app = await start(platform);
    const init = { type: 'connection_init' } as Message;
    const subscribe = { type: 'subscribe', id: '1', payload: { query: `subscription ${TALLY}` } } as Message;
    const invalid = [4400, 'Invalid message received'] as const;
    const asking = (query: string): Message => ({ ...subscribe, payload: { query } }) as Message;
    const again = { ...subscribe, id: 'x'.repeat(200) } as Message;
    const codes = [
      [sends('opened', 'nonsense'), ...invalid],
      [sends('connected', asking('{')), ...invalid],
      [sends('connected', asking(`{ ${'me '.repeat(20_000)} }`)), ...invalid],
      [sends('connected', asking(`{ me(of: ${'['.repeat(100_000)}) }`)), ...invalid],
      [
        sends(
          'connected',
          { id: '1', type: 'complete' } as Message,
          { id: '1', type: 'next', payload: {} } as never,
        ),
        ...invalid,
      ],
      [sends('connected', again, again), 4409, ''],
      [sends('opened', subscribe), 4401, 'Unauthorized'],
      [sends('connected', subscribe, subscribe), 4409, 'Subscriber for 1 already exists'],
      [sends('opened', init), 4429, 'Too many initialisation requests'],
    ] as const;
    for (const [options, ...refusal] of codes) expect(await refusalOf(app, options)).toEqual(refusal);
    // A client must not fill the log.
    expect(logged).not.toHaveBeenCalled();
    expect(await ask(connect(addressOf(app)), '{ me }')).toEqual({ data: { me: 'Ada' } });
  });

  it('closes with 4403 where `onConnect` says no, which a page is told, unlike a 401', async () => {
    const app = await start(platform, {
      onConnect: ({ connectionParams }) => connectionParams?.['pin'] === 7,
    });
    expect(await refusalOf(app, { connectionParams: { pin: 1 } })).toEqual([4403, 'Forbidden']);
    const welcome = connect(addressOf(app), { connectionParams: { pin: 7 } });
    expect(await ask(welcome, '{ me }')).toEqual({ data: { me: 'Ada' } });
  });

  it.each([
    ['4406 on a client without the subprotocol', [], {}, 4406],
    [
      '4408 on a client that says nothing',
      [GRAPHQL_TRANSPORT_WS_PROTOCOL],
      { connectionInitWaitTimeout: 10 },
      4408,
    ],
  ])('closes with %s', async (_what, protocols, options, code) => {
    const app = await start(platform, options);
    const closed = new Log<number>();
    new WebSocket(addressOf(app), protocols).on('close', (code) => closed.add(code));
    expect(await closed.next()).toBe(code);
  });

  it('closes with 4500 the connection for which something fails here, and no other', async () => {
    const app = await start(platform, {
      onConnect({ connectionParams }) {
        if (connectionParams?.['pin'] === 13) throw new Error('no luck');
      },
    });
    const client = connect(addressOf(app));
    expect(await ask(client, '{ me }')).toEqual({ data: { me: 'Ada' } });
    const failed = [4500, 'Internal server error'];
    expect(await refusalOf(app, { connectionParams: { pin: 13 } })).toEqual(failed);
    expect(await ask(client, '{ me }')).toEqual({ data: { me: 'Ada' } });
  });

  it('reports what fails when a client has left', async () => {
    const errors = new Log<unknown>();
    jest.spyOn(Logger.prototype, 'error').mockImplementation((stack: unknown) => errors.add(stack));
    const app = await start(platform, { onDisconnect: () => Promise.reject(new Error('no luck')) });
    const client = connect(addressOf(app));
    expect(await ask(client, '{ me }')).toEqual({ data: { me: 'Ada' } });
    await client.dispose();
    expect(await errors.next()).toContain('no luck');
  });

  it('sends its subscribers to the next instance when it shuts down', async () => {
    const apps = [await start(platform), await start(platform)];
    const codes: unknown[] = [];
    const ports = apps.map((app) => addressOf(app));
    const client = connect(() => ports[0]!, {
      retryAttempts: 5,
      retryWait: () => Promise.resolve(),
      on: {
        closed(event) {
          codes.push((event as { code: number }).code);
          ports.shift();
        },
      },
    });
    await vote(connect(addressOf(apps[0]!, '?as=Bob')), 'soup');
    const { tallies } = follow(client);
    expect(await tallies.next()).toEqual([{ choice: 'soup', votes: 1 }]);

    await apps[0]!.close();
    // It has votes of its own.
    expect(await tallies.next()).toEqual([]);
    await vote(client, 'bread');
    expect(await tallies.next()).toEqual([{ choice: 'bread', votes: 1 }]);
    expect(codes).toEqual([1012]);
  });
});
