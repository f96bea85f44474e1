import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { binary, PubSub, text } from 'nestjs-websock';
import { connect } from 'nestjs-websock/testing';
import { Broker } from '../../../test/support/brokers.js';
import { AppModule } from '../src/app.module.js';
import type { ServerMessage } from '../src/messages.js';

type Client = Awaited<ReturnType<typeof connect>>;

const nodes = [
  { name: 'A', host: 'localhost:3000' },
  { name: 'B', host: 'localhost:3001' },
];

describe.each(['redis', 'nats'] as const)('two nodes on %s', (kind) => {
  let broker: Broker;
  let a: INestApplication;
  let b: INestApplication;

  async function start(node: string): Promise<INestApplication> {
    const app = await NestFactory.create(await AppModule.on({ node, nodes, broker: broker.url }), {
      logger: ['warn', 'error'],
    });
    await app.listen(0, '127.0.0.1');
    return app;
  }

  beforeAll(async () => {
    broker = await Broker.start(kind);
    [a, b] = await Promise.all([start('A'), start('B')]);
  });

  afterAll(async () => {
    await Promise.all([a?.close(), b?.close()]);
    await broker?.stop();
  });

  /** Enters a room, and takes the welcome. */
  async function enter(app: INestApplication, room: string, name: string): Promise<Client> {
    const path = `/rooms/${room}?name=${encodeURIComponent(name)}`;
    const client = await connect(app, path, { within: 10_000 });
    expect(await next(client)).toMatchObject({ type: 'welcome' });
    // The node hears the others.
    await app.get(PubSub).subscribed(`room:${room}`);
    return client;
  }

  async function next(client: Client): Promise<ServerMessage> {
    const [, data] = await client.expectPush();
    return JSON.parse(data.toString()) as ServerMessage;
  }

  /** Takes messages until there is one of this kind that is so. */
  async function until<T extends ServerMessage['type']>(
    client: Client,
    type: T,
    isSo: (message: Extract<ServerMessage, { type: T }>) => boolean = () => true,
  ) {
    for (;;) {
      const message = (await next(client)) as Extract<ServerMessage, { type: T }>;
      if (message.type === type && isSo(message)) return message;
    }
  }

  /** Takes what still comes, until the close. */
  async function untilClosed(client: Client): Promise<number> {
    while (client.closed === undefined) await client.expectPush().catch(() => undefined);
    return client.closed.code;
  }

  /** Waits until the room is told that just these are in it. */
  const untilThereAre = (client: Client, ...people: [name: string, ...nodes: string[]][]) =>
    until(client, 'people', (message) => {
      const told = message.people.map((person) => [person.name, ...person.nodes]);
      return JSON.stringify(told) === JSON.stringify(people);
    });

  const say = (words: string) => text(JSON.stringify({ say: words }));

  it('passes on what is said on either node to all in the room, and to nobody else', async () => {
    const ada = await enter(a, 'kitchen', 'Ada');
    const bob = await enter(b, 'kitchen', 'Bob');
    const cy = await enter(b, 'cellar', 'Cy');
    await until(cy, 'people');

    ada.send(say('  <b>soup</b> 🍲 '));
    const soup = { type: 'said', name: 'Ada', text: '<b>soup</b> 🍲', at: expect.any(Number) };
    expect(await until(ada, 'said')).toEqual(soup);
    expect(await until(bob, 'said')).toEqual(soup);
    bob.send(say('salt?'));
    expect(await until(ada, 'said')).toMatchObject({ name: 'Bob', text: 'salt?' });
    expect(await until(bob, 'said')).toMatchObject({ name: 'Bob', text: 'salt?' });
    await cy.expectNothing();
  });

  it('tells who is in the room, and on which node', async () => {
    const ada = await enter(a, 'attic', 'Ada');
    const bob = await enter(b, 'attic', 'Bob');
    await untilThereAre(ada, ['Ada', 'A'], ['Bob', 'B']);
    await untilThereAre(bob, ['Ada', 'A'], ['Bob', 'B']);

    const window = await enter(b, 'attic', 'Ada');
    await untilThereAre(ada, ['Ada', 'A', 'B'], ['Bob', 'B']);
    window.close(1000);
    await untilThereAre(ada, ['Ada', 'A'], ['Bob', 'B']);
    bob.drop();
    await untilThereAre(ada, ['Ada', 'A']);
  });

  it('answers a bad message and keeps the connection', async () => {
    const ada = await enter(a, 'porch', 'Ada');
    for (const bad of [text('not JSON'), text('null'), text('{"say": 1}'), say('   '), binary('say')]) {
      ada.send(bad);
      await expect(until(ada, 'error' as never)).resolves.toMatchObject({ code: 'invalid_message' });
    }
    ada.send(say('x'.repeat(500)));
    await until(ada, 'said');
  });

  it('closes with 1012 when its node stops, and the client finds its room on the other', async () => {
    const c = await start('C');
    const ada = await enter(c, 'garden', 'Ada');
    const bob = await enter(b, 'garden', 'Bob');
    await untilThereAre(bob, ['Ada', 'C'], ['Bob', 'B']);

    ada.send(say('see you there'));
    await until(ada, 'said');
    await c.close();
    expect(await untilClosed(ada)).toBe(1012);
    expect(await until(bob, 'said')).toMatchObject({ text: 'see you there' });
    await untilThereAre(bob, ['Bob', 'B']);

    const again = await enter(b, 'garden', 'Ada');
    await untilThereAre(bob, ['Ada', 'B'], ['Bob', 'B']);
    bob.send(say('here you are'));
    expect(await until(again, 'said')).toMatchObject({ text: 'here you are' });
  });

  it.each([
    ['/', 'text/html; charset=utf-8'],
    ['/chat.css', 'text/css; charset=utf-8'],
    ['/cluster.css', 'text/css; charset=utf-8'],
    ['/cluster.js', 'text/javascript; charset=utf-8'],
  ])('serves its page: %s', async (path, type) => {
    const response = await fetch((await a.getUrl()) + path);
    expect([response.status, response.headers.get('content-type')]).toEqual([200, type]);
    expect((await response.text()).length).toBeGreaterThan(100);
  });
});
