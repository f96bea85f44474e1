import {
  push,
  upgrade,
  type UpgradeError,
  type UpgradeRequest,
  type WebSock,
  type WebSockOptions,
} from '../../src/core.js';
import { serve, stopHosts, type Decide } from '../support/host.js';
import type { RequestSpec } from '../support/raw-client.js';

afterEach(stopHosts);

const echo: WebSock = { handleIn: (message, state) => push(message, state) };

async function statusOf(options: WebSockOptions, headers: RequestSpec['headers']): Promise<number> {
  return (await (await serve(echo, options)).open({ headers })).status;
}

describe('checkOrigin', () => {
  const evil = { Origin: 'https://evil.example' };
  const cookie = { Cookie: 'session=1' };

  it.each<[string, number, WebSockOptions, RequestSpec['headers']]>([
    ['by default lets any page in that sends no cookies', 101, {}, evil],
    ['by default lets no foreign page in with cookies', 403, {}, { ...evil, ...cookie }],
    [
      'by default lets a page of the same host in with cookies',
      101,
      {},
      { Origin: 'https://localhost', ...cookie },
    ],
    ['by default lets a client in that is no page', 101, {}, cookie],
    ['by default lets no opaque origin in with cookies', 403, {}, { Origin: 'null', ...cookie }],
    ['by default lets no garbage in with cookies', 403, {}, { Origin: '%%%', ...cookie }],
    ["'same-host' does not need cookies", 403, { checkOrigin: 'same-host' }, evil],
    ["'same-host' lets a client in that is no page", 101, { checkOrigin: 'same-host' }, {}],
    [
      "'same-host' compares no ports",
      101,
      { checkOrigin: 'same-host' },
      { Origin: 'http://localhost:8080', Host: 'localhost:3000' },
    ],
    [
      "'same-host' compares no letter case",
      101,
      { checkOrigin: 'same-host' },
      { Origin: 'http://LOCALHOST', Host: 'LocalHost' },
    ],
    [
      "'same-host' tells a subdomain from its domain",
      403,
      { checkOrigin: 'same-host' },
      { Origin: 'http://a.localhost', Host: 'localhost' },
    ],
    [
      "'same-host' understands IPv6",
      101,
      { checkOrigin: 'same-host' },
      { Origin: 'http://[::1]:8080', Host: '[::1]:3000' },
    ],
    [
      "'same-host' believes no X-Forwarded-Host by itself",
      403,
      { checkOrigin: 'same-host' },
      { ...evil, 'X-Forwarded-Host': 'evil.example' },
    ],
    [
      'a list lets its origins in',
      101,
      { checkOrigin: ['https://good.example'] },
      { Origin: 'https://good.example' },
    ],
    ['a list lets no other in', 403, { checkOrigin: ['https://good.example'] }, evil],
    [
      'a list looks at the scheme',
      403,
      { checkOrigin: ['https://good.example'] },
      { Origin: 'http://good.example' },
    ],
    [
      'a list looks at the port',
      403,
      { checkOrigin: ['https://good.example'] },
      { Origin: 'https://good.example:444' },
    ],
    ['a list lets a client in that is no page', 101, { checkOrigin: [] }, {}],
    ['false lets all in', 101, { checkOrigin: false }, { ...evil, ...cookie }],
    ['a function decides: yes', 101, { checkOrigin: () => true }, { ...evil, ...cookie }],
    ['a function decides: no', 403, { checkOrigin: () => false }, { Origin: 'https://localhost' }],
  ])('%s (%i)', async (_, status, options, headers) => {
    expect(await statusOf(options, headers)).toBe(status);
  });

  it('gives its function the origin and the request', async () => {
    const asked: [string, UpgradeRequest][] = [];
    const checkOrigin = (origin: string, request: UpgradeRequest) => asked.push([origin, request]) > 0;
    await (await serve(echo, { checkOrigin })).open({ path: '/rooms/1?a=b', headers: evil });
    const [origin, request] = asked[0]!;
    expect(origin).toBe('https://evil.example');
    expect(request).toMatchObject({ path: '/rooms/1', query: { a: 'b' } });
    expect(request.headers.origin).toBe('https://evil.example');
  });

  it('names Origin, Host and the option', async () => {
    const client = await (await serve(echo)).open({ headers: { ...evil, ...cookie } });
    await client.ended();
    for (const word of ['https://evil.example', 'localhost', 'checkOrigin'])
      expect(client.body).toContain(word);
  });
});

describe('earlyValidateUpgrade', () => {
  const decisions: string[] = [];
  const decides: Decide = (request, response, websock) => {
    try {
      upgrade(request, websock);
      decisions.push('upgraded');
      response.end();
    } catch (error) {
      decisions.push((error as UpgradeError).code);
      response.writeHead((error as UpgradeError).status).end();
    }
  };

  it.each([
    ['true checks the handshake before the app decides', true, 'WEBSOCK_UPGRADE_BAD_KEY'],
    ['false leaves that to the server', false, 'upgraded'],
  ])('%s', async (_, earlyValidateUpgrade, decision) => {
    const host = await serve(echo, { earlyValidateUpgrade }, decides);
    const client = await host.open({ headers: { 'Sec-WebSocket-Key': 'short' } });
    expect(client.status).toBe(400);
    expect(await client.ended()).toBe('fin');
    expect(decisions.pop()).toBe(decision);
  });
});
