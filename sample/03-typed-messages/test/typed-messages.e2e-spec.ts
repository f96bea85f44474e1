import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { binary, json, text } from 'nestjs-websock';
import { messagePack } from 'nestjs-websock/msgpack';
import { connect } from 'nestjs-websock/testing';
import { AppModule } from '../src/app.module.js';
import { BOARD } from '../src/messages.js';

let app: INestApplication;

beforeEach(async () => {
  const module = await Test.createTestingModule({ imports: [AppModule] }).compile();
  app = module.createNestApplication();
  await app.listen(0);
});

afterEach(() => app.close());

const note = { id: 1, text: 'milk', x: 10, y: 20 };

function invalid(...paths: readonly string[]) {
  return json({
    type: 'error',
    code: 'invalid_message',
    message: expect.any(String),
    issues: paths.map((path) => ({ path: path === '' ? [] : [path], message: expect.any(String) })),
  });
}

describe.each([
  ['JSON', '/board', undefined],
  ['MessagePack', '/board/packed', messagePack()],
])('the board in %s', (_, path, codec) => {
  async function open() {
    const client = await connect(app, path, { codec });
    await client.expectPush(json({ type: 'board', board: BOARD, notes: expect.any(Array) }));
    return client;
  }

  it('takes notes, and shows them to all', async () => {
    const [ada, bob] = [await open(), await open()];
    ada.send(json({ type: 'add', text: '  milk ', x: 10, y: 20 }));
    for (const client of [ada, bob]) await client.expectPush(json({ type: 'note', note }));
    bob.send(json({ type: 'move', id: 1, x: 30, y: 40 }));
    for (const client of [ada, bob])
      await client.expectPush(json({ type: 'note', note: { ...note, x: 30, y: 40 } }));
    ada.send(json({ type: 'remove', id: 1 }));
    for (const client of [ada, bob]) await client.expectPush(json({ type: 'removed', id: 1 }));
  });

  it('says what is wrong with a message, and goes on', async () => {
    const ada = await open();
    ada.send(json({ type: 'add', text: '', x: 5_000, y: 0 }));
    await ada.expectPush(invalid('text', 'x'));
    ada.send(json({ type: 'paint' }));
    await ada.expectPush(invalid('type', 'type', 'type'));
    ada.send(json('add'));
    await ada.expectPush(invalid(''));
    ada.send(json({ type: 'remove', id: 7 }));
    await ada.expectPush(json({ type: 'error', code: 'no_such_note', message: 'there is no note 7' }));
    ada.send(json({ type: 'add', ...note }));
    await ada.expectPush(json({ type: 'note', note }));
  });
});

describe('the two paths', () => {
  it('show one board', async () => {
    const packed = await connect(app, '/board/packed', { codec: messagePack() });
    await packed.expectPush();
    const plain = await connect(app, '/board');
    await plain.expectPush();
    packed.send(json({ type: 'add', ...note }));
    await plain.expectPush(text(JSON.stringify({ type: 'note', note })));
    expect((await packed.expectPush())[0]).toBe('binary');
  });

  it('answer a message of the other kind as any invalid one', async () => {
    const packed = await connect(app, '/board/packed', { codec: messagePack() });
    await packed.expectPush();
    packed.send(text('{"type":"remove","id":1}'));
    await packed.expectPush(invalid(''));
    const plain = await connect(app, '/board');
    await plain.expectPush();
    plain.send(binary('{"type":"remove","id":1}'));
    await plain.expectPush(invalid(''));
  });
});

describe('the page', () => {
  it('is served', async () => {
    const response = await fetch(await app.getUrl());
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(await response.text()).toContain('<title>Notes</title>');
  });
});
