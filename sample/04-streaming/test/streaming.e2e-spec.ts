import { setImmediate } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { text } from 'nestjs-websock';
import { connect } from 'nestjs-websock/testing';
import { AppModule } from '../src/app.module.js';
import { LanguageModel } from '../src/language-model.js';
import { MarketService } from '../src/market.service.js';

type Client = Awaited<ReturnType<typeof connect>>;

let app: INestApplication;

beforeAll(async () => {
  const module = await Test.createTestingModule({ imports: [AppModule] }).compile();
  app = module.createNestApplication();
  await app.listen(0);
});

afterAll(() => app.close());

async function next(client: Client): Promise<any> {
  const [, data] = await client.expectPush();
  return JSON.parse(data.toString());
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await setImmediate();
}

describe('the ticker', () => {
  it('tells the quotes of a symbol, and of another when asked', async () => {
    const client = await connect(app, '/ticker');
    expect(await next(client)).toEqual({ symbol: 'ACME', price: 120 });
    expect(await next(client)).toEqual({ symbol: 'ACME', price: expect.any(Number) });

    client.send(text('HOOLI'));
    let quote: any;
    do quote = await next(client);
    while (quote.symbol === 'ACME');
    expect(quote).toEqual({ symbol: 'HOOLI', price: 310 });
    expect((await next(client)).symbol).toBe('HOOLI');

    client.close(1000);
    await until(() => app.get(MarketService).watched.size === 0);
  });

  it('answers a symbol that is not traded, and goes on', async () => {
    const client = await connect(app, '/ticker');
    await next(client);
    client.send(text('NOPE'));
    const seen: any[] = [];
    do seen.push(await next(client));
    while (!('error' in seen.at(-1)));
    expect(seen.at(-1)).toEqual({ error: 'NOPE is not traded here' });
    expect((await next(client)).symbol).toBe('ACME');
    client.drop();
    await until(() => app.get(MarketService).watched.size === 0);
  });
});

describe('the assistant', () => {
  it('streams an answer token by token, and the next question waits for its end', async () => {
    const client = await connect(app, '/assistant');
    client.send(text('why?'));
    client.send(text('and then?'));
    const tokens: string[] = [];
    let message: any;
    while ('token' in (message = await next(client))) tokens.push(message.token);
    expect(tokens.length).toBeGreaterThan(20);
    expect(tokens.join('')).toMatch(/^You ask: “why\?” I am only words/);
    expect(message).toEqual({ done: 1 });
    expect(await next(client)).toEqual({ token: 'You ' });
    client.drop();
  });

  it('stops when the client leaves', async () => {
    const model = app.get(LanguageModel);
    await until(() => model.busy === 0);
    const client = await connect(app, '/assistant');
    client.send(text('why?'));
    await next(client);
    expect(model.busy).toBe(1);
    client.close(1000);
    await until(() => model.busy === 0);
  });
});

describe('the page', () => {
  it('is served', async () => {
    const response = await fetch(await app.getUrl());
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(await response.text()).toContain('/assistant');
  });
});
