import { ok, push, text, type Connection, type WebSock } from '../../src/core.js';
import { serve, stopHosts, upgradeAll, type Decide } from '../support/host.js';
import { Gate, Log } from '../support/log.js';
import { RawClient, requestBytes } from '../support/raw-client.js';
import { elapse, expectOnTime } from '../support/timing.js';

afterEach(stopHosts);

const never = () => new Promise<never>(() => {});

describe('terminateTimeout', () => {
  const hangsAtTheEnd: WebSock = { terminate: never };

  it('bounds terminate', async () => {
    const client = await (await serve(hangsAtTheEnd, { terminateTimeout: 300 })).open();
    const begin = performance.now();
    client.close(1000);
    expect((await client.nextClose()).code).toBe(1000);
    expectOnTime(performance.now() - begin, 300);
  });

  const hangs: WebSock<string> = { init: () => ok('newest'), handleIn: never };

  it('bounds a callback that runs while the connection must end', async () => {
    const host = await serve(hangs, { terminateTimeout: 300 });
    const client = await host.open();
    const begin = performance.now();
    client.text('a');
    client.close(1000);
    expect((await client.nextClose()).code).toBe(1000);
    expectOnTime(performance.now() - begin, 300);
    expect(await host.ended.next()).toMatchObject({ reason: 'remote', state: 'newest' });
  });

  const late = new Gate();
  const comesLate: WebSock<string> = {
    init: () => ok('newest'),
    async handleIn() {
      await late.passed;
      return push(text('too late'), 'too late');
    },
  };

  it('makes a late result one that is ignored', async () => {
    const host = await serve(comesLate, { terminateTimeout: 50 });
    const client = await host.open();
    client.text('a');
    client.close(1000);
    expect((await host.ended.next()).state).toBe('newest');
    late.open();
    expect((await client.nextClose()).code).toBe(1000);
    await client.ended();
    expect(client.frames).toHaveLength(1);
    expect(host.ended.all).toHaveLength(1);
  });

  it('does not bound a callback while the connection lives', async () => {
    const gate = new Gate();
    const handleIn: WebSock['handleIn'] = async (message, state) => (await gate.passed, push(message, state));
    const client = await (await serve({ handleIn }, { terminateTimeout: 50 })).open();
    client.text('a');
    await elapse(200);
    gate.open();
    expect(await client.nextText()).toBe('a');
  });
});

describe('closeTimeout', () => {
  const slow: WebSock<number> = {
    init: () => ok(0),
    async handleIn(_message, n) {
      await elapse(60);
      return push(text(String(n)), n + 1);
    },
  };

  it('bounds what was received before the end, in all', async () => {
    const host = await serve(slow, { closeTimeout: 400 });
    const client = await host.open();
    const begin = performance.now();
    for (let i = 0; i < 100; i++) client.text('x');
    client.close(1000);
    const { reason, state } = await host.ended.next();
    expectOnTime(performance.now() - begin, 400);
    expect(reason).toBe('remote');
    expect(state).toBeGreaterThan(2);
    expect(state).toBeLessThan(8);
    await client.until(() => client.tcpEnd !== 'open', 5_000);
    expect(client.frames).toHaveLength((state as number) + 1);
  });

  it('lets it be handled where there is time', async () => {
    const host = await serve(slow, { closeTimeout: 2_000 });
    const client = await host.open();
    for (let i = 0; i < 5; i++) client.text('x');
    client.close(1000);
    for (let i = 0; i < 5; i++) expect(await client.nextText()).toBe(String(i));
    expect((await client.nextClose()).code).toBe(1000);
  });
});

describe('upgradeTimeout', () => {
  const echo: WebSock = { handleIn: (message, state) => push(message, state) };
  const neverDecides: Decide = () => {};

  it('refuses with 503 when the app takes longer to decide', async () => {
    const host = await serve(echo, { upgradeTimeout: 300 }, neverDecides);
    const begin = performance.now();
    const client = await host.open();
    expectOnTime(performance.now() - begin, 300);
    expect(client.status).toBe(503);
    expect(await client.ended()).toBe('fin');
  });

  const decided = new Log<string>();
  const decidesLate: Decide = async (request, response, websock) => {
    await elapse(200);
    upgradeAll(request, response, websock);
    decided.add('quietly');
  };

  it('lets a late decision come to nothing', async () => {
    const host = await serve(echo, { upgradeTimeout: 50 }, decidesLate);
    const client = await host.open();
    expect(client.status).toBe(503);
    expect(await decided.next()).toBe('quietly');
    expect(host.websockets.connections.list()).toEqual([]);
  });

  it('leaves a decision in time alone', async () => {
    const client = await (await serve(echo, { upgradeTimeout: 1_000 }, decidesLate)).open();
    expect(client.status).toBe(101);
    await elapse(1_100);
    client.text('a');
    expect(await client.nextText()).toBe('a');
  });

  const hangs: WebSock = { init: never };

  it('ends an init that takes longer with 1011, without terminate', async () => {
    const host = await serve(hangs, { upgradeTimeout: 300 });
    const begin = performance.now();
    const client = await host.open();
    expect(await client.nextClose()).toEqual({ code: 1011, reason: '' });
    expectOnTime(performance.now() - begin, 300);
    client.close(1011);
    expect(await client.ended()).toBe('fin');
    expect(host.ended.all).toEqual([]);
    expect(host.websockets.connections.list()).toEqual([]);
  });

  it('Infinity is no limit', async () => {
    const decide = new Gate();
    const waits: Decide = async (request, response, websock) => {
      await decide.passed;
      upgradeAll(request, response, websock);
    };
    const init: WebSock['init'] = async () => (await elapse(200), push(text('ready'), null));
    const client = await RawClient.dial((await serve({ init }, { upgradeTimeout: Infinity }, waits)).port);
    client.write(requestBytes());
    expect(await client.until(() => client.status !== 0, 200)).toBe(false);
    decide.open();
    expect(await client.nextText()).toBe('ready');
  });
});

describe('signal', () => {
  const opened = new Log<Connection>();
  const hangs: WebSock = {
    init: (_argument, connection) => (opened.add(connection), ok(null)),
    handleIn: (_message, state, { signal }) =>
      new Promise((resolve) => signal.addEventListener('abort', () => resolve(ok(state)))),
  };

  it('lets a callback come to its end at once', async () => {
    const client = await (await serve(hangs)).open();
    const { signal } = await opened.next();
    client.text('a');
    expect(signal.aborted).toBe(false);
    client.close(1000);
    expect((await client.nextClose()).code).toBe(1000);
    expect(signal.aborted).toBe(true);
  });
});
