import { afterEach, describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { once } from 'node:events';
import * as http2 from 'node:http2';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { connect as connectTls } from 'node:tls';
import { deflateRawSync, inflateRawSync, constants } from 'node:zlib';
import {
  binary,
  ok,
  push,
  stop,
  text,
  upgrade,
  UpgradeError,
  WebSockServer,
  type WebSock,
  type WebSockOptions,
  type WebSockServerOptions,
} from '../../src/core.js';
import { encodeFrame, OPCODE } from '../support/frames.js';
import { Gate, Log } from '../support/log.js';
import { requestBytes } from '../support/raw-client.js';
import { openSession, StreamClient, type ClientHttp2Session } from '../support/stream-client.js';
import { elapse, expectOnTime, settled } from '../support/timing.js';

const file = (name: string) => readFileSync(path.join(import.meta.dirname, '../support', name));
const TLS = { key: file('localhost.key.pem'), cert: file('localhost.cert.pem'), allowHTTP1: true };

type Decide = (request: any, response: any) => void;

const closers: (() => Promise<unknown> | void)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** Serves `decide` on HTTP/2, and opens a session to it. */
async function serve(decide: Decide, options: WebSockServerOptions = {}, withTls = false) {
  const server = withTls ? http2.createSecureServer(TLS, decide) : http2.createServer(decide);
  const webSockets = new WebSockServer(options).attach(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const session = await openSession(`${withTls ? 'https' : 'http'}://127.0.0.1:${port}`);
  closers.push(async () => {
    session.destroy();
    await webSockets.close();
    await new Promise((resolve) => server.close(resolve));
  });
  return { session, webSockets, server, port };
}

/** Upgrades everything; a refusal is the response. */
function upgradeTo(websock: WebSock<any, any>, options: WebSockOptions = {}): Decide {
  return (request, response) => {
    try {
      upgrade(request, websock, undefined, options);
      response.end('goes nowhere');
    } catch (error) {
      if (!(error instanceof UpgradeError)) throw error;
      response.writeHead(error.status, error.headers).end(error.message);
    }
  };
}

const echo: WebSock<any, any> = { handleIn: push };

/** The session still serves. */
async function expectAlive(session: ClientHttp2Session, spec = { path: '/echo' }): Promise<void> {
  const client = await StreamClient.open(session, spec);
  expect(client.status).toBe(200);
  client.text('alive');
  expect(await client.nextText()).toBe('alive');
  client.close(1000);
  client.end();
  expect(await client.ended()).toBe('fin');
}

describe('extended CONNECT (RFC 8441)', () => {
  const greeting: WebSock<any, any> = {
    init: (request) => push(text(`${request.path} ${request.query.x}`), 0),
    handleIn: push,
  };

  it('is announced, upgraded with 200, and carries frames', async () => {
    const { session } = await serve((request, response) => {
      response.setHeader('x-app', 'kept');
      response.setHeader('content-type', 'text/plain');
      upgrade(request, greeting);
      response.end('goes nowhere');
    });
    expect(session.remoteSettings.enableConnectProtocol).toBe(true);
    const client = await StreamClient.open(session, { path: '/live?x=1' });
    expect(client.status).toBe(200);
    expect(client.header('x-app')).toBe('kept');
    for (const name of ['content-type', 'sec-websocket-accept', 'upgrade', 'connection'])
      expect(client.header(name)).toBeUndefined();
    expect(await client.nextText()).toBe('/live 1');
    client.text('hi');
    expect(await client.nextText()).toBe('hi');
    client.close(1000);
    expect(await client.nextClose()).toMatchObject({ code: 1000 });
    client.end();
    expect(await client.ended()).toBe('fin');
  });

  it('shows the app a GET with the headers of an upgrade', async () => {
    let seen: any;
    const { session } = await serve((request, response) => {
      const { method, url, headers } = request;
      seen = { method, url, upgrade: headers.upgrade, connection: headers.connection, host: headers.host };
      upgradeTo(echo)(request, response);
    });
    await StreamClient.open(session, { path: '/a/b?c' });
    expect(seen).toEqual({
      method: 'GET',
      url: '/a/b?c',
      upgrade: 'websocket',
      connection: 'Upgrade',
      host: expect.stringContaining('127.0.0.1:'),
    });
  });

  it('opens several sockets on one session, and an ordinary request beside them', async () => {
    const { session } = await serve((request, response) => {
      if (request.url === '/plain') return void response.end('plain');
      upgradeTo(echo)(request, response);
    });
    const clients = await Promise.all(Array.from({ length: 20 }, () => StreamClient.open(session)));
    clients.forEach((client, n) => client.text(`to ${n}`));
    const answers = await Promise.all(clients.map((client) => client.nextText()));
    expect(answers).toEqual(clients.map((_, n) => `to ${n}`));
    const plain = session.request({ ':path': '/plain' });
    expect((await once(plain, 'response'))[0][':status']).toBe(200);
    plain.destroy();
    clients[0]!.reset();
    clients[1]!.text('still here');
    expect(await clients[1]!.nextText()).toBe('still here');
  });

  it('reads what the client sends while the app decides', async () => {
    const gate = new Gate();
    const { session } = await serve(async (request, response) => {
      await gate.passed;
      upgradeTo(echo)(request, response);
    });
    const client = StreamClient.send(session, {}, encodeFrame({ opcode: OPCODE.text, payload: 'early' }));
    client.text('later');
    await elapse(50);
    gate.open();
    expect([await client.nextText(), await client.nextText()]).toEqual(['early', 'later']);
  });

  it('carries large messages both ways', async () => {
    const { session } = await serve(upgradeTo(echo));
    const client = await StreamClient.open(session);
    const payload = Buffer.alloc(3_000_000, 'abc');
    client.binary(payload);
    expect((await client.nextFrame()).payload.equals(payload)).toBe(true);
  });
});

describe('a refusal is an HTTP response, and the session goes on', () => {
  it.each([401, 403, 404, 500])('%i, with its body and headers', async (status) => {
    const { session } = await serve((request, response) => {
      if (request.url === '/echo') return upgradeTo(echo)(request, response);
      response.writeHead(status, { 'x-why': 'because' }).end('no entry');
    });
    const client = await StreamClient.open(session);
    expect([client.status, client.header('x-why')]).toEqual([status, 'because']);
    expect(await client.ended()).toBe('fin');
    expect(client.body).toBe('no entry');
    await expectAlive(session);
  });

  it('426 for another version (§4.2.2)', async () => {
    const { session } = await serve(upgradeTo(echo));
    const client = await StreamClient.open(session, { headers: { 'sec-websocket-version': '8' } });
    expect([client.status, client.header('sec-websocket-version')]).toEqual([426, '13']);
    await client.ended();
    await expectAlive(session);
  });

  it('426 for an ordinary request, without the headers that HTTP/2 does not have', async () => {
    const { session } = await serve(upgradeTo(echo));
    const stream = session.request({ ':path': '/' });
    const [headers] = await once(stream, 'response');
    expect(headers[':status']).toBe(426);
    expect(headers).not.toHaveProperty('upgrade');
    expect(headers).not.toHaveProperty('connection');
    stream.destroy();
    await expectAlive(session);
  });

  it.each([
    [
      'without a protocol (RFC 9113 §8.5)',
      { ':protocol': undefined, ':path': undefined, ':authority': 'localhost' },
    ],
    ['of another protocol', { ':protocol': 'connect-udp' }],
  ])('501 for a CONNECT %s', async (_, headers) => {
    const { session } = await serve(upgradeTo(echo));
    const client = StreamClient.send(session, { headers });
    expect(await client.ended()).toBe('fin');
    expect(client.status).toBe(501);
    await expectAlive(session);
  });

  it.each<[string, Decide]>([
    ['end', (_, response) => response.end('hello')],
    ['writeHead', (_, response) => response.writeHead(200, { 'content-length': '5' }).end('hello')],
    ['write', (_, response) => (response.write('hel'), response.end('lo'))],
    ['a stream that does not end', (_, response) => void response.write('hel')],
    [
      '204',
      (_, response) => {
        response.statusCode = 204;
        response.end();
      },
    ],
  ])('501 for a 2xx that upgrades nothing, by %s: it would open a tunnel', async (_, decide) => {
    const { session } = await serve((request, response) =>
      request.url === '/echo' ? upgradeTo(echo)(request, response) : decide(request, response),
    );
    const client = await StreamClient.open(session);
    client.text('into the tunnel');
    expect(await client.ended()).toBe('fin');
    expect([client.status, client.body]).toEqual([501, '']);
    await expectAlive(session);
  });

  it('503 when the time is up, and what the app answers then goes nowhere', async () => {
    const gate = new Gate();
    const { session } = await serve(
      async (request, response) => {
        if (request.url !== '/echo') await gate.passed;
        upgradeTo(echo)(request, response);
      },
      { upgradeTimeout: 50 },
    );
    const begin = performance.now();
    const client = await StreamClient.open(session);
    expectOnTime(performance.now() - begin, 50);
    expect(await client.ended()).toBe('fin');
    expect([client.status, JSON.parse(client.body).statusCode]).toEqual([503, 503]);
    gate.open();
    await expectAlive(session);
  });

  it('503 while the server shuts down, also one that is still being decided', async () => {
    const gate = new Gate();
    const { session, webSockets } = await serve(async (request, response) => {
      if (request.url !== '/echo') await gate.passed;
      upgradeTo(echo)(request, response);
    });
    const open = await StreamClient.open(session, { path: '/echo' });
    const early = StreamClient.send(session);
    await elapse(50);
    const closed = webSockets.close();
    const late = await StreamClient.open(session);
    for (const client of [early, late]) {
      expect(await client.ended()).toBe('fin');
      expect([client.status, JSON.parse(client.body).statusCode]).toEqual([503, 503]);
    }
    gate.open();
    open.destroy();
    await closed;
  });
});

/** Node throws for them where nobody catches it; Jest fails the case then. */
describe('headers that HTTP/2 cannot carry', () => {
  const HOSTILE = {
    Connection: 'Upgrade, close',
    Upgrade: 'websocket',
    'Keep-Alive': 'timeout=5',
    'Transfer-Encoding': 'chunked',
    'Proxy-Connection': 'keep-alive',
  };
  const NAMES = Object.keys(HOSTILE).map((name) => name.toLowerCase());

  const ways: [string, (response: any, status: number) => void][] = [
    ['in the object of writeHead', (response, status) => response.writeHead(status, HOSTILE)],
    ['behind a reason', (response, status) => response.writeHead(status, 'Reason', HOSTILE)],
    ['in a flat list', (response, status) => response.writeHead(status, Object.entries(HOSTILE).flat())],
    [
      'by setHeader',
      (response, status) => {
        for (const [name, value] of Object.entries(HOSTILE)) response.setHeader(name, value);
        response.statusCode = status;
      },
    ],
  ];

  it.each(ways)('are left out of a refusal, %s', async (_, setHead) => {
    const { session } = await serve((request, response) => {
      if (request.url === '/echo') return upgradeTo(echo)(request, response);
      setHead(response, 403);
      response.end('no');
    });
    const client = await StreamClient.open(session);
    expect(await client.ended()).toBe('fin');
    expect([client.status, client.body]).toEqual([403, 'no']);
    expect(client.headers.filter(([name]) => NAMES.includes(name))).toEqual([]);
    await expectAlive(session);
  });

  it.each(ways)('are left out of the 200, %s', async (_, setHead) => {
    const { session } = await serve((request, response) => {
      upgrade(request, echo);
      response.setHeader('x-app', 'kept');
      setHead(response, 200);
      response.end();
    });
    const client = await StreamClient.open(session);
    expect([client.status, client.header('x-app')]).toEqual([200, 'kept']);
    expect(client.headers.filter(([name]) => NAMES.includes(name))).toEqual([]);
    client.text('works');
    expect(await client.nextText()).toBe('works');
  });

  it.each([
    ['that may be there only once, twice', 'Content-Location', ['/a', '/b'], '/a, /b'],
    ['TE', 'TE', 'gzip', undefined],
    ['HTTP2-Settings', 'HTTP2-Settings', 'AAMAAABkAARAAAAAAAIAAAAA', undefined],
  ])('and one %s, end neither the stream nor the process', async (_, name, value, carried) => {
    const { session } = await serve((request, response) => {
      response.setHeader(name, value);
      if (request.url === '/refused') return void response.writeHead(403).end();
      upgradeTo(echo)(request, response);
    });
    await expectAlive(session);
    for (const [path, status] of [
      ['/echo', 200],
      ['/refused', 403],
    ] as const) {
      const client = await StreamClient.open(session, { path });
      expect([client.status, client.header(name)]).toEqual([status, carried]);
    }
  });

  it.each<[string, (response: any, status: number) => void]>([
    ['by setHeader', (response) => response.setHeader('Set-Cookie', ['a=1', 'b=2'])],
    ['in an object', (response, status) => response.writeHead(status, { 'Set-Cookie': ['a=1', 'b=2'] })],
    [
      'in a flat list',
      (response, status) => response.writeHead(status, ['Set-Cookie', 'a=1', 'set-cookie', 'b=2']),
    ],
  ])('several cookies are several headers, %s', async (_, setCookies) => {
    const { session } = await serve((request, response) => {
      const status = request.url === '/refused' ? 403 : 200;
      if (status === 200) upgrade(request, echo);
      response.statusCode = status;
      setCookies(response, status);
      response.end();
    });
    for (const path of ['/', '/refused']) {
      const client = await StreamClient.open(session, { path });
      expect(client.headers.filter(([name]) => name === 'set-cookie')).toEqual([
        ['set-cookie', 'a=1'],
        ['set-cookie', 'b=2'],
      ]);
    }
  });
});

describe('subprotocols and extensions', () => {
  it('names the chosen subprotocol', async () => {
    const { session } = await serve(upgradeTo(echo, { protocols: ['b', 'c'] }));
    const client = await StreamClient.open(session, { headers: { 'sec-websocket-protocol': 'a, b, c' } });
    expect([client.status, client.header('sec-websocket-protocol')]).toEqual([200, 'b']);
  });

  it('refuses with 400 where one is required', async () => {
    const { session } = await serve(upgradeTo(echo, { protocols: ['b'], requireProtocol: true }));
    const client = await StreamClient.open(session, { headers: { 'sec-websocket-protocol': 'a' } });
    expect(client.status).toBe(400);
    expect(await client.ended()).toBe('fin');
  });

  it('compresses both ways (RFC 7692)', async () => {
    const { session } = await serve(upgradeTo(echo, { compress: true, deflateOptions: { threshold: 0 } }));
    const client = await StreamClient.open(session, {
      headers: { 'sec-websocket-extensions': 'permessage-deflate; client_no_context_takeover' },
    });
    expect(client.header('sec-websocket-extensions')).toContain('permessage-deflate');
    const payload = deflateRawSync('a'.repeat(1_000), { finishFlush: constants.Z_SYNC_FLUSH }).subarray(
      0,
      -4,
    );
    client.send({ opcode: OPCODE.text, rsv: 4, payload });
    const frame = await client.nextFrame();
    expect(frame.rsv).toBe(4);
    const inflated = inflateRawSync(Buffer.concat([frame.payload, Buffer.from([0, 0, 255, 255])]), {
      finishFlush: constants.Z_SYNC_FLUSH,
    });
    expect(String(inflated)).toBe('a'.repeat(1_000));
  });

  it('refuses a malformed offer with 400, and not the process', async () => {
    const { session } = await serve((request, response) =>
      upgradeTo(echo, { compress: request.url !== '/echo' })(request, response),
    );
    const client = StreamClient.send(session, { headers: { 'sec-websocket-extensions': ';;=' } });
    await client.ended();
    expect(client.status).toBe(400);
    await expectAlive(session);
  });
});

describe('the end of a connection', () => {
  /** Runs a connection whose end is written down. */
  async function watched(websock: WebSock<any, any> = echo, options: WebSockServerOptions = {}) {
    const ended = new Log<unknown>();
    const terminate: WebSock<any>['terminate'] = (reason, _state, { code }) => void ended.add([reason, code]);
    const served = await serve(upgradeTo({ ...websock, terminate }), options);
    return { ...served, ended, client: await StreamClient.open(served.session) };
  }

  it('answers a close frame with its code, and ends the stream when the client does', async () => {
    const { client, ended, session } = await watched();
    client.close(4001, 'bye');
    expect(await client.nextClose()).toEqual({ code: 4001, reason: 'bye' });
    expect(await ended.next()).toEqual(['remote', 4001]);
    client.end();
    expect(await client.ended()).toBe('fin');
    await expectAlive(session);
  });

  it('sends the code of a stop', async () => {
    const { client, ended } = await watched({
      handleIn: () => stop('done', [4002, 'later'], 0),
    });
    client.text('stop');
    expect(await client.nextClose()).toEqual({ code: 4002, reason: 'later' });
    client.close(1000);
    client.end();
    expect(await client.ended()).toBe('fin');
    await ended.next();
  });

  it.each([
    [1002, 'an unmasked frame', { opcode: OPCODE.text, payload: 'x', mask: false }],
    [1007, 'text that is not UTF-8', { opcode: OPCODE.text, payload: Buffer.from([0xff]) }],
    [1009, 'too large a message', { opcode: OPCODE.text, payload: 'x'.repeat(200) }],
  ])('closes with %i on %s, and only this stream', async (code, _, frame) => {
    const { client, session } = await watched(echo, { maxMessageSize: 100 });
    const other = await StreamClient.open(session);
    client.send(frame);
    expect(await client.nextClose()).toMatchObject({ code });
    client.end();
    await client.ended();
    other.text('still here');
    expect(await other.nextText()).toBe('still here');
  });

  it('closes with 1011 when a callback throws', async () => {
    const { client } = await watched({
      handleIn() {
        throw new Error('by the case');
      },
    });
    client.text('x');
    expect(await client.nextClose()).toMatchObject({ code: 1011 });
  });

  it.each<[string, (client: StreamClient, session: ClientHttp2Session) => void]>([
    ['RST_STREAM in the middle of a message', (client) => client.reset()],
    ['END_STREAM in the middle of a message', (client) => client.end()],
    ['the end of the session', (_client, session) => session.destroy()],
  ])('is noticed: %s', async (_, leave) => {
    const { client, ended, session, webSockets } = await watched();
    client.write(encodeFrame({ opcode: OPCODE.text, payload: 'whole' }).subarray(0, 8));
    await elapse(50);
    leave(client, session);
    expect(await ended.next()).toEqual([['error', 'closed'], 1006]);
    expect(webSockets.connections.list()).toEqual([]);
  });

  it('while a callback runs: what came before is handled first', async () => {
    const gate = new Gate();
    const { client, ended } = await watched({
      async handleIn(_message, state) {
        await gate.passed;
        return ok(state);
      },
    });
    client.text('busy');
    await elapse(50);
    client.reset();
    await elapse(50);
    gate.open();
    expect(await ended.next()).toEqual([['error', 'closed'], 1006]);
  });

  it.each<[string, (client: StreamClient, session: ClientHttp2Session) => void]>([
    ['RST_STREAM', (client) => client.reset()],
    ['the end of the session', (_client, session) => session.destroy()],
  ])('while the app decides, by %s, upgrades nothing', async (_, leave) => {
    const entered = new Log<string>();
    const gate = new Gate();
    const { session, webSockets, port } = await serve(async (request, response) => {
      if (request.url === '/echo') return upgradeTo(echo)(request, response);
      entered.add('asked');
      await gate.passed;
      upgrade(request, { init: () => (entered.add('init'), ok(0)) });
      response.setHeader('x-late', '1');
      response.writeHead(200, { 'x-app': '1' });
      response.end('late');
      entered.add('answered');
    });
    const client = StreamClient.send(session);
    await entered.next();
    leave(client, session);
    await elapse(50);
    gate.open();
    expect(await entered.next()).toBe('answered');
    await elapse(20);
    expect(entered.all).toEqual(['asked', 'answered']);
    expect(webSockets.connections.list()).toEqual([]);
    const next = await openSession(`http://127.0.0.1:${port}`);
    await expectAlive(next);
    next.destroy();
  });

  it('on shutdown closes with 1012 and ends the streams, then the sessions', async () => {
    const { client, ended, session, webSockets, server } = await watched();
    const other = await StreamClient.open(session);
    const closed = webSockets.close();
    for (const each of [client, other]) {
      expect(await each.nextClose()).toMatchObject({ code: 1012 });
      each.close(1012);
      each.end();
      expect(await each.ended()).toBe('fin');
    }
    await closed;
    expect(await ended.next()).toEqual(['shutdown', 1012]);
    if (!session.destroyed) await once(session, 'close');
    await new Promise((resolve) => server.close(resolve));
  });

  it('on shutdown is forced on clients that do not answer', async () => {
    const { client, webSockets, session } = await watched(echo, { drainer: { shutdown: 100 } });
    await webSockets.close();
    expect(await client.ended()).not.toBe('open');
    if (!session.destroyed) await once(session, 'close');
  });

  it('closes with 1001 a client that is silent for timeout', async () => {
    const { client } = await watched(echo, { timeout: 100, heartbeat: false });
    const begin = performance.now();
    client.ping();
    await client.nextFrame();
    expect(await client.nextClose()).toMatchObject({ code: 1001 });
    expectOnTime(performance.now() - begin, 100);
  });
});

describe('a client that does not read', () => {
  const MiB = 1_048_576;

  it('is bounded: its own connection waits, and nobody else', async () => {
    let handled = 0;
    let buffered = 0;
    const generous: WebSock<any, any> = {
      handleIn: (message, state, connection) => {
        if (message[0] === 'text') return push(message, state);
        handled++;
        buffered = Math.max(buffered, connection.bufferedAmount);
        return push(binary(Buffer.alloc(MiB, 'x')), state);
      },
    };
    const { session, port } = await serve(upgradeTo(generous));
    const slow = await StreamClient.open(session);
    slow.stream.pause();
    const others = [await StreamClient.open(session), await openOther(port)];
    for (let i = 0; i < 100; i++) slow.binary('give me');
    await elapse(300);
    const stalled = handled;
    expect(stalled).toBeLessThan(8);
    for (const other of others) {
      other.text('are you there?');
      expect(await other.nextText()).toBe('are you there?');
    }
    slow.stream.resume();
    await slow.until(() => slow.frames.length === 100, 10_000);
    expect([slow.frames.length, handled]).toEqual([100, 100]);
    // The mark, and the message that passed it.
    expect(buffered).toBeLessThan(3 * MiB);
  });

  it('nor does a busy connection read more than it handles, and the others of its session go on', async () => {
    const gate = new Gate();
    let handled = 0;
    const busy: WebSock<any, any> = {
      async handleIn(message, state) {
        if (message[0] === 'text') return push(message, state);
        handled++;
        await gate.passed;
        return ok(state);
      },
    };
    const { session } = await serve(upgradeTo(busy));
    const [eager, other] = [await StreamClient.open(session), await StreamClient.open(session)];
    for (let i = 0; i < 32; i++) eager.binary(Buffer.alloc(MiB));
    await settled(() => eager.stream.writableLength);
    expect(eager.stream.writableLength).toBeGreaterThan(24 * MiB);
    other.text('are you there?');
    expect(await other.nextText()).toBe('are you there?');
    gate.open();
    eager.text('last');
    expect(await eager.nextText()).toBe('last');
    expect(handled).toBe(32);
  });

  async function openOther(port: number): Promise<StreamClient> {
    const session = await openSession(`http://127.0.0.1:${port}`);
    closers.push(() => session.destroy());
    return StreamClient.open(session);
  }

  it('is dropped after sendTimeout', async () => {
    const ended = new Log<unknown>();
    const generous: WebSock<any, any> = {
      init: () => push(binary(Buffer.alloc(4 * MiB)), 0),
      handleIn: push,
      terminate: (reason) => void ended.add(reason),
    };
    const { session } = await serve(upgradeTo(generous), { sendTimeout: 200 });
    const slow = StreamClient.send(session);
    slow.stream.pause();
    expect(await ended.next()).toEqual(['error', 'send_timeout']);
    expect(session.destroyed).toBe(false);
  });

  it('is not dropped while it reads slowly', async () => {
    const ended = new Log<unknown>();
    const size = 4 * MiB;
    const generous: WebSock<any, any> = {
      init: () => push(binary(Buffer.alloc(size)), 0),
      handleIn: push,
      terminate: (reason) => void ended.add(reason),
    };
    const { session } = await serve(upgradeTo(generous), { sendTimeout: 200 });
    const slow = await StreamClient.open(session);
    for (let i = 0; i < 20 && slow.frames.length === 0; i++) {
      slow.stream.pause();
      await elapse(50);
      slow.stream.resume();
      await elapse(1);
    }
    await slow.nextFrame();
    expect(ended.all).toEqual([]);
  });
});

describe('one TLS port (ALPN)', () => {
  it('serves HTTP/2 and, with allowHTTP1, the upgrade of HTTP/1.1', async () => {
    const { session, port } = await serve(upgradeTo(echo), {}, true);
    expect(session.alpnProtocol).toBe('h2');
    await expectAlive(session);
    const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false });
    closers.push(() => void socket.destroy());
    await once(socket, 'secureConnect');
    socket.write(
      Buffer.concat([requestBytes({ path: '/echo' }), encodeFrame({ opcode: OPCODE.text, payload: 'one' })]),
    );
    let answer = '';
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString('latin1')));
    while (!answer.endsWith('\x81\x03one')) await once(socket, 'data');
    expect(answer).toMatch(/^HTTP\/1\.1 101 /);
  });

  it('refuses a CONNECT of HTTP/1.1 with 501', async () => {
    const { port } = await serve(upgradeTo(echo), {}, true);
    const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false });
    await once(socket, 'secureConnect');
    socket.write('CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n');
    const [chunk] = await once(socket, 'data');
    expect(String(chunk)).toMatch(/^HTTP\/1\.1 501 /);
    socket.destroy();
  });
});
