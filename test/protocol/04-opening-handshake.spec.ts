import { once } from 'node:events';
import { push, text, upgrade, type WebSockError, type WebSock } from '../../src/core.js';
import { encodeFrame, OPCODE } from '../support/frames.js';
import { serve, stopHosts, upgradeAll, type Decide } from '../support/host.js';
import { Gate } from '../support/log.js';
import { RawClient, requestBytes, SAMPLE_KEY, type RequestSpec } from '../support/raw-client.js';

afterEach(stopHosts);

const echo: WebSock = { handleIn: (message, state) => push(message, state) };

const hello = encodeFrame({ opcode: OPCODE.text, payload: 'hello' });

describe('the request (§4.2.1)', () => {
  it.each<[string, RequestSpec]>([
    ['as the RFC has it', {}],
    ['with header values in any case', { headers: { Upgrade: 'WebSocket', Connection: 'uPGRADE' } }],
    [
      'with header names in any case',
      { headers: { 'Sec-WebSocket-Key': null, 'SEC-WEBSOCKET-KEY': SAMPLE_KEY } },
    ],
    ['with Upgrade among other Connection options', { headers: { Connection: 'keep-alive, Upgrade' } }],
    ['with two Connection headers', { headers: { Connection: ['keep-alive', 'Upgrade'] } }],
    ['with a body of no bytes', { headers: { 'Content-Length': '0' } }],
    ['with websocket among other protocols to upgrade to', { headers: { Upgrade: 'h2c, websocket' } }],
  ])('is accepted %s', async (_, request) => {
    const client = await (await serve(echo)).open(request);
    expect(client.status).toBe(101);
    client.text('a');
    expect(await client.nextText()).toBe('a');
  });

  it.each<[string, number, RequestSpec]>([
    ['without a key', 400, { headers: { 'Sec-WebSocket-Key': null } }],
    ['with an empty key', 400, { headers: { 'Sec-WebSocket-Key': '' } }],
    ['with two keys', 400, { headers: { 'Sec-WebSocket-Key': [SAMPLE_KEY, SAMPLE_KEY] } }],
    ['with a key that is no base64', 400, { headers: { 'Sec-WebSocket-Key': 'not base64 at all!!!!!==' } }],
    ['with a key of 15 bytes', 400, { headers: { 'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAA' } }],
    ['with a key of 17 bytes', 400, { headers: { 'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAAAAA=' } }],
    ['without a Host', 400, { headers: { Host: null } }],
    ['with an empty Host', 400, { headers: { Host: '' } }],
    ['of HTTP/1.0', 400, { version: '1.0' }],
    ['with a body', 400, { headers: { 'Content-Length': '5' }, body: 'hello' }],
    [
      'with a chunked body',
      400,
      { headers: { 'Transfer-Encoding': 'chunked' }, body: '5\r\nhello\r\n0\r\n\r\n' },
    ],
    ['of another method', 405, { method: 'POST', headers: { 'Content-Length': '0' } }],
    ['without a version', 426, { headers: { 'Sec-WebSocket-Version': null } }],
    ['of version 8', 426, { headers: { 'Sec-WebSocket-Version': '8' } }],
    ['of two versions', 426, { headers: { 'Sec-WebSocket-Version': '13, 8' } }],
    ['without Upgrade', 426, { headers: { Upgrade: null } }],
    ['without Connection', 426, { headers: { Connection: 'close' } }],
    ['for another protocol', 426, { headers: { Upgrade: 'h2c' } }],
  ])('is refused %s with %i', async (_, status, request) => {
    const client = await (await serve(echo)).open(request);
    expect(client.status).toBe(status);
    expect(await client.ended()).toBe('fin');
  });

  it('of another version learns ours (§4.2.2)', async () => {
    const client = await (await serve(echo)).open({ headers: { 'Sec-WebSocket-Version': '8' } });
    expect(client.header('Sec-WebSocket-Version')).toBe('13');
  });

  it('that asks for no WebSocket learns that it should (RFC 9110 §15.5.22)', async () => {
    const client = await (await serve(echo)).open({ headers: { Upgrade: null, Connection: 'close' } });
    expect(client.header('Upgrade')).toBe('websocket');
    expect(client.header('Connection')).toMatch(/upgrade/i);
  });
});

describe('the response (§4.2.2)', () => {
  it('accepts the key', async () => {
    const client = await (await serve(echo)).open();
    expect(client.header('Upgrade')).toBe('websocket');
    expect(client.header('Connection')).toBe('Upgrade');
    expect(client.header('Sec-WebSocket-Accept')).toBe('s3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
  });

  it('has no headers of a body', async () => {
    const client = await (await serve(echo)).open();
    const names = client.headers.map(([name]) => name);
    expect(names).not.toEqual(expect.arrayContaining(['content-length']));
    expect(names).not.toEqual(expect.arrayContaining(['transfer-encoding']));
  });

  const withHeaders: Decide = (request, response, websock) => {
    response.setHeader('X-One', '1');
    response.setHeader('Set-Cookie', ['a=1', 'b=2']);
    response.setHeader('Content-Type', 'text/plain');
    response.setHeader('Sec-WebSocket-Accept', 'forged');
    upgrade(request, websock);
    response.writeHead(200, { 'X-Two': '2' }).end('a body');
  };

  it('carries what the app has set, but no body and no handshake of its own', async () => {
    const client = await (await serve(echo, {}, withHeaders)).open();
    expect(client.status).toBe(101);
    expect(client.headers).toEqual(
      expect.arrayContaining([
        ['x-one', '1'],
        ['x-two', '2'],
        ['set-cookie', 'a=1'],
        ['set-cookie', 'b=2'],
      ]),
    );
    expect(client.header('Content-Type')).toBeUndefined();
    expect(client.headers.filter(([name]) => name === 'sec-websocket-accept')).toEqual([
      ['sec-websocket-accept', 's3pPLMBiTxaQ9kYGzzhZRbK+xOo='],
    ]);
    client.text('a');
    expect(await client.nextText()).toBe('a');
  });

  const changesItsMind: Decide = (request, response, websock) => {
    upgrade(request, websock);
    response.writeHead(403, { 'X-Why': 'not today' }).end('no');
  };

  it('is the app’s own when that is no 2xx', async () => {
    const client = await (await serve(echo, {}, changesItsMind)).open();
    expect(client.status).toBe(403);
    expect(client.header('X-Why')).toBe('not today');
    await client.ended();
    expect(client.body).toContain('no');
  });

  const twice: Decide = (request, response, websock) => {
    upgrade(request, websock);
    try {
      upgrade(request, websock);
    } catch (error) {
      response.statusCode = 500;
      response.end((error as WebSockError).code);
    }
  };

  it('cannot be decided twice', async () => {
    const client = await (await serve(echo, {}, twice)).open();
    await client.ended();
    expect(client.body).toContain('WEBSOCK_UPGRADE_TWICE');
  });
});

describe('subprotocols (§1.9, §4.2.2)', () => {
  const offer = (...lines: string[]): RequestSpec => ({ headers: { 'Sec-WebSocket-Protocol': lines } });

  it.each([
    ['the client’s first that is served', ['a', 'b'], offer('x, b, a'), 'b'],
    ['from several headers', ['a', 'b'], offer('x', 'a', 'b'), 'a'],
    ['none without an offer', ['a'], {}, undefined],
    ['none when nothing matches', ['a'], offer('b'), undefined],
    ['none when the letter case differs', ['a'], offer('A'), undefined],
    ['none when none is served', undefined, offer('a'), undefined],
  ])('are chosen: %s', async (_, protocols, request, chosen) => {
    const client = await (await serve(echo, { protocols })).open(request);
    expect(client.status).toBe(101);
    expect(client.header('Sec-WebSocket-Protocol')).toBe(chosen);
  });

  it.each(['a,,b', 'a, a', 'two words', ''])('refuses the malformed offer %j with 400', async (line) => {
    const client = await (await serve(echo, { protocols: ['a'] })).open(offer(line));
    expect(client.status).toBe(400);
  });

  const tellsProtocol: WebSock = {
    init: (_argument, connection) => push(text(connection.request.protocol), null),
  };

  it('may be chosen by a function, and the connection knows', async () => {
    const protocols = (offered: readonly string[]) => offered.at(-1);
    const client = await (await serve(tellsProtocol, { protocols })).open(offer('a, b, c'));
    expect(client.header('Sec-WebSocket-Protocol')).toBe('c');
    expect(await client.nextText()).toBe('c');
  });
});

describe('extensions (§9.1)', () => {
  it('that are unknown are left out of the response', async () => {
    const client = await (
      await serve(echo, { compress: true })
    ).open({
      headers: { 'Sec-WebSocket-Extensions': 'x-webkit-deflate-frame, foo; bar=1' },
    });
    expect(client.status).toBe(101);
    expect(client.header('Sec-WebSocket-Extensions')).toBeUndefined();
  });

  it.each([';;;=', 'permessage-deflate; a=b=c', 'permessage-deflate,'])(
    'refuses the malformed offer %j with 400',
    async (offered) => {
      const client = await (
        await serve(echo, { compress: true })
      ).open({ headers: { 'Sec-WebSocket-Extensions': offered } });
      expect(client.status).toBe(400);
      expect(await client.ended()).toBe('fin');
    },
  );
});

describe('what the client sends before it has the response (§4.1)', () => {
  it('in the packet of the handshake reaches the connection', async () => {
    const client = await (await serve(echo)).open({}, hello);
    expect(await client.nextText()).toBe('hello');
  });

  it('in the packet of the handshake may be half a frame', async () => {
    const client = await (await serve(echo)).open({}, hello.subarray(0, 7));
    client.write(hello.subarray(7));
    expect(await client.nextText()).toBe('hello');
  });

  it('while the app decides reaches the connection', async () => {
    const [asked, decision] = [new Gate(), new Gate()];
    const slowly: Decide = async (request, response, websock) => {
      asked.open();
      await decision.passed;
      upgradeAll(request, response, websock);
    };
    const client = await RawClient.dial((await serve(echo, {}, slowly)).port);
    client.write(requestBytes());
    await asked.passed;
    await new Promise((resolve) => client.socket.write(hello, resolve));
    decision.open();
    expect(await client.nextText()).toBe('hello');
  });

  it('a byte at a time is a handshake all the same', async () => {
    const client = await RawClient.dial((await serve(echo)).port);
    for (const byte of Buffer.concat([requestBytes(), hello])) {
      await new Promise((resolve) => client.socket.write(Buffer.of(byte), resolve));
    }
    expect(await client.nextText()).toBe('hello');
  });
});

describe('a request before the upgrade, on the same connection (RFC 9112 §9.3)', () => {
  const pages: Decide = (request, response, websock) => {
    if (request.url === '/page') setImmediate(() => response.end('a page'));
    else upgradeAll(request, response, websock);
  };
  const page: RequestSpec = { path: '/page', headers: { Upgrade: null, Connection: null } };

  it('makes no difference', async () => {
    const client = await (await serve(echo, {}, pages)).open(page);
    await client.until(() => client.body.includes('a page'), 5_000);
    await client.request({}, hello);
    expect(client.status).toBe(101);
    expect(await client.nextText()).toBe('hello');
  });

  it('is answered first when it is pipelined', async () => {
    const client = await RawClient.dial((await serve(echo, {}, pages)).port);
    const received: Buffer[] = [];
    client.socket.on('data', (chunk: Buffer) => received.push(chunk));
    client.write('GET /page HTTP/1.1\r\nHost: localhost\r\n\r\n');
    client.write(Buffer.concat([requestBytes(), hello]));
    const all = () => Buffer.concat(received).toString('latin1');
    while (!all().endsWith('hello')) await once(client.socket, 'data');
    expect(all()).toMatch(
      /^HTTP\/1\.1 200 OK\r\n[^]*a page[^]*HTTP\/1\.1 101 Switching Protocols\r\n[^]*hello$/,
    );
  });
});
