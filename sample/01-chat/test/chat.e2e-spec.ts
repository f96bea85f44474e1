import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { binary, text } from 'nestjs-websock';
import { connect } from 'nestjs-websock/testing';
import { AppModule } from '../src/app.module.js';

type Client = Awaited<ReturnType<typeof connect>>;

let app: INestApplication;

beforeAll(async () => {
  const module = await Test.createTestingModule({ imports: [AppModule] }).compile();
  app = module.createNestApplication();
  await app.listen(0);
});

afterAll(() => app.close());

/** Enters a room, and takes the welcome. */
async function enter(room: string, name: string): Promise<{ client: Client; welcome: unknown }> {
  const client = await connect(app, `/rooms/${room}?name=${encodeURIComponent(name)}`);
  return { client, welcome: await next(client) };
}

async function next(client: Client): Promise<unknown> {
  const [, data] = await client.expectPush();
  return JSON.parse(data.toString());
}

function say(words: string) {
  return text(JSON.stringify({ say: words }));
}

describe('a room', () => {
  it('welcomes a client with who is there, and tells the others', async () => {
    const ada = await enter('garden', 'Ada');
    expect(ada.welcome).toEqual({ type: 'welcome', room: 'garden', name: 'Ada', people: ['Ada'] });

    const bob = await enter('garden', ' Bob ');
    expect(bob.welcome).toMatchObject({ name: 'Bob', people: ['Ada', 'Bob'] });
    expect(await next(ada.client)).toEqual({ type: 'joined', name: 'Bob', people: ['Ada', 'Bob'] });
  });

  it('passes on what is said, to all and to nobody else', async () => {
    const ada = await enter('kitchen', 'Ada');
    const bob = await enter('kitchen', 'Bob');
    const cy = await enter('cellar', 'Cy');
    await next(ada.client);

    ada.client.send(say('  <b>soup</b> 🍲 '));
    const said = { type: 'said', name: 'Ada', text: '<b>soup</b> 🍲', at: expect.any(Number) };
    expect(await next(ada.client)).toEqual(said);
    expect(await next(bob.client)).toEqual(said);
    await cy.client.expectNothing();
  });

  it('tells who left, whether with a close frame or without', async () => {
    const ada = await enter('attic', 'Ada');
    const bob = await enter('attic', 'Bob');
    const cy = await enter('attic', 'Cy');
    await next(ada.client);
    await next(ada.client);

    bob.client.close(1000);
    expect(await next(ada.client)).toEqual({ type: 'left', name: 'Bob', people: ['Ada', 'Cy'] });
    cy.client.drop();
    expect(await next(ada.client)).toEqual({ type: 'left', name: 'Cy', people: ['Ada'] });
  });

  it('answers a bad message and keeps the connection', async () => {
    const { client } = await enter('porch', 'Ada');
    for (const bad of [text('not JSON'), text('null'), text('{"say": 1}'), say('   '), binary('say')]) {
      client.send(bad);
      expect(await next(client)).toEqual({ type: 'error', error: expect.any(String) });
    }
    client.send(say('x'.repeat(501)));
    expect(await next(client)).toEqual({
      type: 'error',
      error: 'That is too long: at most 500 characters.',
    });
    client.send(say('x'.repeat(500)));
    expect(await next(client)).toMatchObject({ type: 'said' });
  });

  it('closes with 1009 on a message that is far too big', async () => {
    const { client } = await enter('hall', 'Ada');
    client.send(say('x'.repeat(20_000)));
    await client.expectClose(1009);
  });
});

describe('the door', () => {
  it('refuses a client without a name with 400', async () => {
    await expect(connect(app, '/rooms/kitchen')).rejects.toMatchObject({ status: 400 });
    await expect(connect(app, '/rooms/kitchen?name=%20')).rejects.toMatchObject({ status: 400 });
  });

  it('answers an ordinary request with 426', async () => {
    const { status } = await fetch(`${await app.getUrl()}/rooms/kitchen?name=Ada`);
    expect(status).toBe(426);
  });
});

describe('the page', () => {
  it.each([
    ['/', 'text/html; charset=utf-8'],
    ['/chat.css', 'text/css; charset=utf-8'],
    ['/chat.js', 'text/javascript; charset=utf-8'],
  ])('is served: %s', async (path, type) => {
    const response = await fetch((await app.getUrl()) + path);
    expect([response.status, response.headers.get('content-type')]).toEqual([200, type]);
    expect((await response.text()).length).toBeGreaterThan(500);
  });
});

describe('a shutdown', () => {
  it('closes with 1012, so that clients come back', async () => {
    const module = await Test.createTestingModule({ imports: [AppModule] }).compile();
    const another = module.createNestApplication();
    await another.listen(0);
    const client = await connect(another, '/rooms/kitchen?name=Ada');
    await next(client);
    await Promise.all([another.close(), client.expectClose(1012)]);
  });
});
