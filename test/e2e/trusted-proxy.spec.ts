import { type DataMessage, OnIn, push, WebSockHandler, WebSockModule } from '../../src/index.js';
import { closeApps, eachPlatform, startApp } from '../support/nest.js';

@WebSockHandler('echo')
class EchoHandler {
  @OnIn()
  echo(message: DataMessage, state: unknown) {
    return push(message, state);
  }
}

eachPlatform('behind a proxy, %s', (platform) => {
  const start = (trustProxy: boolean, options = {}) =>
    startApp(platform, {
      imports: [WebSockModule.forRoot(options)],
      providers: [EchoHandler],
      trustProxy,
    });

  afterEach(closeApps);

  const page = {
    Cookie: 'session=1',
    Origin: 'https://app.example',
    Host: 'backend.internal:8080',
    'X-Forwarded-Host': 'app.example',
  };

  it('compares the origin with the forwarded host if it trusts the proxy', async () => {
    const app = await start(true);
    expect((await app.open('/echo', { headers: page })).status).toBe(101);
    const foreign = { ...page, Origin: 'https://evil.example' };
    expect((await app.open('/echo', { headers: foreign })).status).toBe(403);
  });

  it('compares the origin with Host if it does not, whatever is forwarded', async () => {
    const app = await start(false);
    expect((await app.open('/echo', { headers: page })).status).toBe(403);
    // A page of the proxy's own host.
    const own = { ...page, Origin: 'http://backend.internal:3000' };
    expect((await app.open('/echo', { headers: own })).status).toBe(101);
  });

  it('lets a page on another port of localhost in', async () => {
    const app = await start(false);
    const development = { Cookie: 'session=1', Host: 'localhost:3000', Origin: 'http://localhost:5173' };
    expect((await app.open('/echo', { headers: development })).status).toBe(101);
  });

  it('counts connections by the forwarded address if it trusts the proxy', async () => {
    const app = await start(true, { maxConnectionsPerAddress: 1 });
    const open = (address: string) => app.open('/echo', { headers: { 'X-Forwarded-For': address } });
    expect((await open('203.0.113.1')).status).toBe(101);
    expect((await open('203.0.113.2')).status).toBe(101);
    const second = await open('203.0.113.1');
    expect([second.status, Number(second.header('retry-after')) > 0]).toEqual([429, true]);
  });

  it("counts connections by the socket's address if it does not", async () => {
    const app = await start(false, { maxConnectionsPerAddress: 1 });
    const open = (address: string) => app.open('/echo', { headers: { 'X-Forwarded-For': address } });
    expect((await open('203.0.113.1')).status).toBe(101);
    expect((await open('203.0.113.2')).status).toBe(429);
  });

  it('refuses with 503 and Retry-After when it is full', async () => {
    const app = await start(false, { maxConnections: 1 });
    const first = await app.open('/echo');
    const second = await app.open('/echo');
    expect([second.status, Number(second.header('retry-after')) > 0]).toEqual([503, true]);
    expect(first.status).toBe(101);
  });
});
