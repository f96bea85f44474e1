import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { text } from 'nestjs-websock';
import { connect, type ConnectOptions } from 'nestjs-websock/testing';
import { AppModule } from '../src/app.module.js';
import { issue, verify } from '../src/tokens.js';

let app: INestApplication;
let url: string;

beforeAll(async () => {
  const module = await Test.createTestingModule({ imports: [AppModule] }).compile();
  app = module.createNestApplication();
  await app.listen(0);
  url = await app.getUrl();
});

afterAll(() => app.close());

function login(name: string, password = name): Promise<Response> {
  return fetch(`${url}/login`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ name, password }),
  });
}

async function tokenFor(name: string): Promise<string> {
  return ((await (await login(name)).json()) as { token: string }).token;
}

async function cookieFor(name: string): Promise<string> {
  return (await login(name)).headers.get('set-cookie')!.split(';', 1)[0]!;
}

const bearer = (token: string): ConnectOptions => ({ headers: { authorization: `Bearer ${token}` } });

/** The status of the refusal. */
async function refusal(path: string, options?: ConnectOptions): Promise<unknown> {
  return connect(app, path, options).then(
    () => 101,
    ({ status }) => status,
  );
}

describe('the log-in', () => {
  it('refuses a wrong password', async () => {
    expect((await login('ada', 'nope')).status).toBe(401);
    expect((await login('nobody')).status).toBe(401);
  });

  it('sets a cookie that no script can read, and serves an ordinary route too', async () => {
    const response = await login('ada');
    expect(response.headers.get('set-cookie')).toMatch(/^session=.*; HttpOnly; SameSite=Lax/);
    const me = await fetch(`${url}/me`, { headers: { cookie: await cookieFor('ada') } });
    expect(await me.json()).toMatchObject({ name: 'ada' });
    expect((await fetch(`${url}/me`)).status).toBe(401);
  });
});

describe('a team', () => {
  it('refuses strangers with 401, and tokens that are forged or over', async () => {
    const token = await tokenFor('ada');
    const [header, , signature] = token.split('.');
    const none = Buffer.from('{"alg":"none"}').toString('base64url');
    const claims = Buffer.from(JSON.stringify({ sub: 'bob', exp: 9e9 })).toString('base64url');
    expect(await refusal('/teams/engines')).toBe(401);
    for (const bad of [
      'x',
      '',
      `${header}.${claims}.${signature}`,
      `${none}.${claims}.`,
      `${token}.more`,
      issue('ada', -1),
      issue('nobody', 60),
    ])
      expect(await refusal('/teams/engines', bearer(bad))).toBe(401);
  });

  it('takes a token in the Authorization header', async () => {
    const client = await connect(app, '/teams/engines', bearer(await tokenFor('ada')));
    await client.expectPush(text('Welcome to engines, ada (lead).'));
    client.send(text('hello'));
    await client.expectPush(text('ada in engines: hello'));
  });

  it('takes the session cookie, from a page of its own host only', async () => {
    const headers = { cookie: await cookieFor('bob') };
    const { hostname } = new URL(url);
    const host = hostname === '[::1]' ? 'localhost' : hostname;
    const own = { ...headers, host };
    const client = await connect(app, '/teams/engines', { headers: own, origin: `http://${host}:5173` });
    await client.expectPush(text('Welcome to engines, bob (member).'));
    expect(await refusal('/teams/engines', { headers, origin: 'https://evil.example' })).toBe(403);
  });

  it('checks the role in the team of the path', async () => {
    const [ada, bob] = [bearer(await tokenFor('ada')), bearer(await tokenFor('bob'))];
    expect(await refusal('/teams/gardens', ada)).toBe(403);
    expect(await refusal('/teams/constructor', ada)).toBe(403);
    expect(await refusal('/teams/engines/lead', bob)).toBe(403);
    for (const [path, who, greeting] of [
      ['/teams/engines/lead', ada, 'Welcome to engines, ada (lead).'],
      ['/teams/gardens/lead', bob, 'Welcome to gardens, bob (lead).'],
    ] as const)
      await (await connect(app, path, who)).expectPush(text(greeting));
  });

  it('closes with 4401 when the token ends', async () => {
    const client = await connect(app, '/teams/engines', bearer(issue('ada', 1)));
    await client.expectPush(text('Welcome to engines, ada (lead).'));
    await client.expectClose(4401);
  });
});

describe("a browser's token, as a subprotocol", () => {
  it('lets the page in, and only the real subprotocol is answered', async () => {
    const token = await tokenFor('ada');
    for (const protocols of [
      ['chat.v1', `bearer.${token}`],
      [`bearer.${token}`, 'chat.v1'],
    ]) {
      const client = await connect(app, '/teams/engines', { protocols });
      expect(client.protocol).toBe('chat.v1');
      await client.expectPush(text('Welcome to engines, ada (lead).'));
    }
  });

  it('is no subprotocol by itself, and never comes back', async () => {
    const token = await tokenFor('ada');
    const response = await fetch(`${url}/teams/engines`, {
      headers: { 'sec-websocket-protocol': `bearer.${token}` },
    });
    expect(response.status).toBe(426);
    expect(JSON.stringify([...response.headers]) + (await response.text())).not.toContain(token);
    expect(await refusal('/teams/engines', { protocols: ['chat.v1', 'bearer.x.y.z'] })).toBe(401);
  });
});

describe('a token', () => {
  it('says who, until when', () => {
    expect(verify(issue('ada', 60))).toEqual({ sub: 'ada', exp: expect.any(Number) });
  });
});

describe('the page', () => {
  it('is served', async () => {
    const response = await fetch(url);
    expect([response.status, response.headers.get('content-type')]).toEqual([
      200,
      'text/html; charset=utf-8',
    ]);
  });
});
