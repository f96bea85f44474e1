import { afterEach, describe, expect, it } from '@jest/globals';
import * as http2 from 'node:http2';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { push, text, upgrade, WebSockServer, type WebSock } from '../../src/core.js';

const closers: (() => Promise<unknown> | void)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** Serves `decide` on HTTP/2 without TLS, and opens a session to it. */
async function serve(decide: (request: any, response: any) => void) {
  const server = http2.createServer(decide);
  const webSockets = new WebSockServer().attach(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const session = http2.connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  await once(session, 'remoteSettings');
  closers.push(async () => {
    await webSockets.close();
    session.close();
    await new Promise((resolve) => server.close(resolve));
  });
  return { session, webSockets };
}

function connect(session: http2.ClientHttp2Session, headers: http2.OutgoingHttpHeaders = {}) {
  return session.request(
    {
      ':method': 'CONNECT',
      ':protocol': 'websocket',
      ':path': '/live?x=1',
      'sec-websocket-version': '13',
      ...headers,
    },
    { endStream: false },
  );
}

const echo: WebSock<any, any> = {
  init: (request) => push(text(`${request.path} ${request.query.x}`), 0),
  handleIn: push,
};

describe('extended CONNECT (RFC 8441)', () => {
  it('is announced, upgraded with 200, and carries frames', async () => {
    const { session } = await serve((request, response) => {
      response.setHeader('x-app', 'kept');
      response.setHeader('content-type', 'text/plain');
      upgrade(request, echo);
      response.end('goes nowhere');
    });
    expect(session.remoteSettings.enableConnectProtocol).toBe(true);
    const stream = connect(session);
    const [headers] = await once(stream, 'response');
    expect(headers).toMatchObject({ ':status': 200, 'x-app': 'kept' });
    expect(headers['content-type']).toBeUndefined();
    expect(headers['sec-websocket-accept']).toBeUndefined();
    const [first] = await once(stream, 'data');
    expect(String(first.subarray(2))).toBe('/live 1');
    stream.write(Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0x68, 0x69]));
    const [second] = await once(stream, 'data');
    expect(second).toEqual(Buffer.from([0x81, 2, 0x68, 0x69]));
    stream.write(Buffer.from([0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8]));
    const [close] = await once(stream, 'data');
    expect(close).toEqual(Buffer.from([0x88, 2, 0x03, 0xe8]));
    stream.end();
    await once(stream, 'close');
  });
});
