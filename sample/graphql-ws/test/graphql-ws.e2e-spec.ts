import { afterEach, expect, it } from '@jest/globals';
import { createClient, type Client, type ClientOptions, type Message } from 'graphql-ws';
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
import { PollsService } from '../src/polls.service.js';

const TALLY = '{ tally { choice votes } }';
const clients: Client[] = [];

const start = (platform: Platform) => startApp(platform, { imports: [AppModule] });

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

/** What ends the connection of a client that sends this as soon as it is open. */
function refusalOf(app: NestApp, ...messages: (Message | string)[]): Promise<unknown> {
  const client = connect(addressOf(app), {
    on: {
      opened(socket) {
        for (const message of messages)
          (socket as WebSocket).send(typeof message === 'string' ? message : JSON.stringify(message));
      },
    },
  });
  return ask(client, `subscription ${TALLY}`).then(
    () => 'no refusal',
    ({ code, reason }: { code: number; reason: string }) => [code, reason],
  );
}

eachPlatform('GraphQL on %s', (platform) => {
  afterEach(async () => {
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
    const app = await start(platform);
    const init = { type: 'connection_init' } as Message;
    const subscribe = { type: 'subscribe', id: '1', payload: { query: `subscription ${TALLY}` } } as Message;
    expect(await refusalOf(app, 'nonsense')).toEqual([4400, 'Invalid message received']);
    expect(await refusalOf(app, subscribe)).toEqual([4401, 'Unauthorized']);
    expect(await refusalOf(app, init)).toEqual([4429, 'Too many initialisation requests']);
    const refused = new Log<number>();
    const other = new WebSocket(addressOf(app));
    other.on('close', (code) => refused.add(code));
    expect(await refused.next()).toBe(4406);
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
