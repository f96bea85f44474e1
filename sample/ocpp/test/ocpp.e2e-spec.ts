import { once } from 'node:events';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Test } from '@nestjs/testing';
import { json, PubSub, WebSockModule } from 'nestjs-websock';
import { openHandler } from 'nestjs-websock/testing';
import type { RPCClient } from 'ocpp-rpc';
import { WebSocket } from 'ws';
import { settled } from '../../../test/support/fake-clock.js';
import { FakeNetwork } from '../../../test/support/fake-network.js';
import { Gate, Log } from '../../../test/support/log.js';
import { LogLines } from '../../../test/support/log-lines.js';
import {
  closeApps,
  eachPlatform,
  NestApp,
  startApp,
  type AppSpec,
  type Platform,
} from '../../../test/support/nest.js';
import { AppModule } from '../src/app.module.js';
import { StationCall, type Outcome } from '../src/calls.js';
import { CentralSystem } from '../src/central-system.js';
import { StationHandler } from '../src/station.handler.js';
import { CALL_TIMEOUT, outcomeOf, Stations } from '../src/stations.js';
import { connected, disconnectAll, hostile, refusalOf, station } from './client.js';

const timestamp = new Date().toISOString();
const reset = { type: 'Soft' };

const start = (platform: Platform, spec: AppSpec = {}) =>
  startApp(platform, { imports: [AppModule], ...spec });

/** As those who run the stations. */
async function ask(app: NestApp, command: string, payload: object, name = 'cellar') {
  const response = await app.fetch(`/stations/${encodeURIComponent(name)}/${command}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(payload),
  });
  return { status: response.status, body: (await response.json()) as any };
}

/** Puts something in front of what the central system answers. */
function before(app: NestApp, wait: (action: string) => Promise<void>) {
  const central = app.app.get(CentralSystem);
  const answer = central.answer.bind(central);
  central.answer = async (station, action, payload) => {
    await wait(action);
    return answer(station, action, payload);
  };
}

function messages(socket: WebSocket): Log<unknown> {
  const got = new Log<unknown>();
  socket.on('message', (data: Buffer) => got.add(JSON.parse(data.toString())));
  return got;
}

async function closeOf(client: RPCClient | WebSocket): Promise<{ code: number; reason: string }> {
  const [first, reason] = (await once(client, 'close')) as [any, Buffer | undefined];
  return client instanceof WebSocket ? { code: first, reason: reason!.toString() } : first;
}

eachPlatform('OCPP on %s', (platform) => {
  afterEach(async () => {
    await disconnectAll();
    await closeApps();
  });

  describe('a station', () => {
    it('boots, authorizes, charges, and shows that it is there', async () => {
      const client = await connected(await start(platform));
      const boot = { chargePointVendor: 'Sample', chargePointModel: 'One' };
      expect(await client.call('BootNotification', boot)).toEqual({
        status: 'Accepted',
        interval: 30,
        currentTime: expect.any(String),
      });
      expect(await client.call('Heartbeat', {})).toEqual({ currentTime: expect.any(String) });
      const status = { connectorId: 1, errorCode: 'NoError', status: 'Preparing' };
      expect(await client.call('StatusNotification', status)).toEqual({});
      expect(await client.call('Authorize', { idTag: 'ADA' })).toEqual({ idTagInfo: { status: 'Accepted' } });
      expect(await client.call('Authorize', { idTag: 'eve' })).toEqual({ idTagInfo: { status: 'Invalid' } });
      const begin = { connectorId: 1, idTag: 'ada', meterStart: 0, timestamp };
      const { transactionId, idTagInfo } = (await client.call('StartTransaction', begin)) as any;
      expect([transactionId, idTagInfo]).toEqual([expect.any(Number), { status: 'Accepted' }]);
      const meterValue = [{ timestamp, sampledValue: [{ value: '17' }] }];
      expect(await client.call('MeterValues', { connectorId: 1, transactionId, meterValue })).toEqual({});
      const end = { transactionId, meterStop: 17, timestamp };
      expect(await client.call('StopTransaction', end)).toEqual({});
    });

    it.each([
      ['an action that nobody knows', 'Levitate', {}, 'NotImplemented'],
      ['the name of what every object has', 'constructor', {}, 'NotImplemented'],
      ['an action that is not supported', 'DataTransfer', { vendorId: 'x' }, 'NotSupported'],
      ['a field that is missing', 'Authorize', {}, 'OccurenceConstraintViolation'],
      ['a field of another type', 'Authorize', { idTag: 1 }, 'TypeConstraintViolation'],
      ['a fraction', 'StopTransaction', { transactionId: 1.5 }, 'TypeConstraintViolation'],
      ['a text that is too long', 'Authorize', { idTag: 'x'.repeat(21) }, 'PropertyConstraintViolation'],
      ['a payload that is no object', 'Authorize', 'ada', 'FormationViolation'],
    ])('is told what is wrong with a call, and stays: %s', async (_what, action, payload, code) => {
      const client = await connected(await start(platform), undefined, { strictMode: false });
      expect(await refusalOf(client.call(action, payload))).toMatchObject({ rpcErrorCode: code });
      expect(await client.call('Heartbeat')).toHaveProperty('currentTime');
    });

    it('is told of a crash, without its cause, and stays', async () => {
      const logger = new LogLines('StationHandler');
      const app = await start(platform, { logger });
      before(app, async (action) => {
        if (action === 'Authorize') throw new Error('the password of the database is 1234');
      });
      const client = await connected(app);
      expect(await refusalOf(client.call('Authorize', { idTag: 'ada' }))).toMatchObject({
        rpcErrorCode: 'InternalError',
        message: 'the central system has failed',
      });
      expect(logger.at('error')).toEqual([expect.stringContaining('1234')]);
      expect(await client.call('Heartbeat', {})).toHaveProperty('currentTime');
    });

    it.each([
      ['no JSON', 'hello', '-1'],
      ['no array', '{"2":"a"}', '-1'],
      ['an empty array', '[]', '-1'],
      ['no type', '["2","a","Heartbeat",{}]', 'a'],
      ['no id', '[2,null,"Heartbeat",{}]', '-1'],
      ['an id that is too long', `[2,"${'x'.repeat(37)}","Heartbeat",{}]`, '-1'],
      ['no action', '[2,"a",{}]', 'a'],
      ['no payload', '[2,"a","Heartbeat"]', 'a'],
      ['a payload that is a list', '[2,"a","Heartbeat",[]]', 'a'],
    ])('is told of a malformed message, and stays: %s', async (_what, data, id) => {
      const socket = await hostile(await start(platform));
      const got = messages(socket);
      socket.send(data);
      expect(await got.next()).toEqual([4, id, 'FormationViolation', expect.any(String), {}]);
      socket.send('[2,"b","Heartbeat",null]');
      expect(await got.next()).toEqual([3, 'b', { currentTime: expect.any(String) }]);
    });

    it.each([
      ['an answer that nobody waits for', '[3,"a",{}]'],
      ['an error that nobody waits for', '[4,"a","GenericError","",{}]'],
      ['a malformed answer', '[3,"a"]'],
      ['a malformed error', '[4]'],
      ['another type', '[5,"a","Heartbeat",{}]'],
    ])('gets no answer to %s', async (_what, data) => {
      const socket = await hostile(await start(platform));
      const got = messages(socket);
      socket.send(data);
      socket.send('[2,"b","Heartbeat",{}]');
      expect(await got.next()).toEqual([3, 'b', expect.anything()]);
    });

    it('is closed with 1003 on bytes', async () => {
      const socket = await hostile(await start(platform));
      socket.send(Buffer.from('[2,"a","Heartbeat",{}]'));
      expect((await closeOf(socket)).code).toBe(1003);
    });
  });

  describe('the upgrade', () => {
    it.each([
      ['without a key', { password: null }],
      ['with a wrong key', { password: 'cellar-Key' }],
      ['with the key of another', { password: 'garage-key' }],
      ['with another scheme', { password: null, headers: { authorization: 'Bearer cellar-key' } }],
    ])('is refused with 401: %s', async (_what, options) => {
      const error: any = await refusalOf(station(await start(platform), options).connect());
      expect(error.code).toBe(401);
      expect(error.response.headers['www-authenticate']).toBe('Basic realm="ocpp"');
    });

    it('is refused with 404 for a station that is not known', async () => {
      const client = station(await start(platform), { identity: 'attic' });
      expect(await refusalOf(client.connect())).toMatchObject({ code: 404 });
    });

    it('takes an identity that has to be encoded', async () => {
      const app = await start(platform);
      const who = { identity: 'garage 1/left', password: 'garage-key' };
      const client = await connected(app, () => ({ status: 'Rejected' }), who);
      expect(await client.call('Heartbeat', {})).toHaveProperty('currentTime');
      expect(await (await app.fetch('/stations')).json()).toEqual(['garage 1/left']);
      const answer = await ask(app, 'reset', reset, 'garage 1/left');
      expect(answer).toEqual({ status: 200, body: { status: 'Rejected' } });
    });

    it('with another subprotocol is completed, then closed, and replaces no connection', async () => {
      const app = await start(platform);
      await connected(app);
      const newer = station(app, { protocols: ['ocpp2.0.1'], reconnect: true });
      await expect(newer.connect()).rejects.toThrow('Server sent no subprotocol');
      const socket = await hostile(app, []);
      expect((await closeOf(socket)).code).toBe(1002);
      expect(await ask(app, 'reset', reset)).toMatchObject({ status: 200 });
    });

    it('again replaces the first connection', async () => {
      const app = await start(platform);
      const first = await connected(app, () => ({ status: 'Rejected' }));
      const closed = closeOf(first);
      await connected(app);
      expect(await closed).toEqual({ code: 4409, reason: 'the station has connected again' });
      expect(await ask(app, 'reset', reset)).toEqual({ status: 200, body: { status: 'Accepted' } });
      expect(await (await app.fetch('/stations')).json()).toEqual(['cellar']);
    });
  });

  describe('a call to a station', () => {
    it.each([
      ['remote-start', 'RemoteStartTransaction', { idTag: 'ada', connectorId: 1 }, { status: 'Accepted' }],
      ['remote-stop', 'RemoteStopTransaction', { transactionId: 7 }, { status: 'Rejected' }],
      ['reset', 'Reset', { type: 'Hard' }, { status: 'Accepted' }],
      ['get-configuration', 'GetConfiguration', { key: ['a'] }, { unknownKey: ['a'] }],
      ['change-configuration', 'ChangeConfiguration', { key: 'a', value: 'b' }, { status: 'RebootRequired' }],
    ])('is answered with what it answers: %s', async (command, action, payload, answer) => {
      const app = await start(platform);
      const got: unknown[] = [];
      await connected(app, ({ method, params }) => (got.push([method, params]), answer));
      expect(await ask(app, command, payload)).toEqual({ status: 200, body: answer });
      expect(got).toEqual([[action, payload]]);
    });

    it('is answered with an object, also where the station answers null', async () => {
      const app = await start(platform);
      await connected(app, () => null, { strictMode: false });
      expect(await ask(app, 'get-configuration', {})).toEqual({ status: 200, body: {} });
    });

    it('is not in the way of a call that the station makes before it answers', async () => {
      const app = await start(platform);
      const client: RPCClient = await connected(app, async ({ params }) => {
        const { idTagInfo } = (await client.call('Authorize', { idTag: params.idTag })) as any;
        return { status: idTagInfo.status === 'Accepted' ? 'Accepted' : 'Rejected' };
      });
      expect(await ask(app, 'remote-start', { idTag: 'ada' })).toMatchObject({
        body: { status: 'Accepted' },
      });
      expect(await ask(app, 'remote-start', { idTag: 'eve' })).toMatchObject({
        body: { status: 'Rejected' },
      });
    });

    it('and one of the station that is being answered are both answered', async () => {
      const app = await start(platform);
      const [began, gate] = [new Gate(), new Gate()];
      before(app, (action) => (action === 'Authorize' ? (began.open(), gate.passed) : Promise.resolve()));
      const client = await connected(app);
      const authorized = client.call('Authorize', { idTag: 'ada' });
      await began.passed;
      const stations = app.app.get(Stations);
      const asked = stations.call(stations.find('cellar')!, 'Reset', reset);
      await settled();
      gate.open();
      expect(await authorized).toEqual({ idTagInfo: { status: 'Accepted' } });
      expect(await asked).toEqual(['result', { status: 'Accepted' }]);
    });

    it('waits for the one before it', async () => {
      const app = await start(platform);
      const order: string[] = [];
      const client: RPCClient = await connected(app, async ({ params: { key } }) => {
        order.push(`${key} begins`);
        // What the server had sent meanwhile would be here before the answer.
        await client.call('Heartbeat', {});
        order.push(`${key} ends`);
        return { status: 'Accepted' };
      });
      const stations = app.app.get(Stations);
      const change = (key: string) =>
        stations.call(stations.find('cellar')!, 'ChangeConfiguration', { key, value: '' });
      const answers = await Promise.all(['a', 'b', 'c'].map(change));
      expect(answers).toEqual(Array(3).fill(['result', { status: 'Accepted' }]));
      expect(order).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends']);
    });

    it('is refused while too many wait', async () => {
      const app = await start(platform);
      const gate = new Gate();
      await connected(app, () => gate.passed.then(() => ({ status: 'Accepted' })));
      const stations = app.app.get(Stations);
      const calls = Array.from({ length: 20 }, () => stations.call(stations.find('cellar')!, 'Reset', reset));
      expect(await stations.call(stations.find('cellar')!, 'Reset', reset)).toEqual(['busy']);
      expect(await ask(app, 'reset', reset)).toMatchObject({ status: 503 });
      gate.open();
      expect(await Promise.all(calls)).toEqual(Array(20).fill(['result', { status: 'Accepted' }]));
    });

    it('is refused when there is no station, no such command, or nothing to do', async () => {
      const app = await start(platform);
      expect(await ask(app, 'reset', reset)).toMatchObject({ status: 404 });
      await connected(app);
      expect(await ask(app, 'explode', {})).toMatchObject({ status: 404 });
      expect(await ask(app, 'reset', {})).toMatchObject({
        status: 400,
        body: { message: expect.anything() },
      });
      expect(await ask(app, 'reset', reset, 'garage 1/left')).toMatchObject({ status: 404 });
    });

    it('is refused with the error of the station', async () => {
      const app = await start(platform);
      await connected(app, () => {
        throw Object.assign(new Error('not today'), { rpcErrorCode: 'SecurityError' });
      });
      expect(await ask(app, 'reset', reset)).toMatchObject({
        status: 502,
        body: { code: 'SecurityError', description: 'not today' },
      });
    });

    it('is given up in time, and an answer that comes later changes nothing', async () => {
      const app = await start(platform, {
        override: (builder) => builder.overrideProvider(CALL_TIMEOUT).useValue(50),
      });
      const gate = new Gate();
      const client = await connected(app, () => gate.passed.then(() => ({ status: 'Accepted' })));
      expect(await ask(app, 'reset', reset)).toMatchObject({ status: 504 });
      gate.open();
      expect(await client.call('Heartbeat', {})).toHaveProperty('currentTime');
    });

    it.each(['leaves', 'is lost', 'connects again'])('ends at once when the station %s', async (how) => {
      const app = await start(platform);
      const socket = await hostile(app);
      const got = messages(socket);
      const answer = ask(app, 'reset', reset);
      expect(await got.next()).toEqual([2, expect.any(String), 'Reset', reset]);
      const stations = app.app.get(Stations);
      const waiting = stations.call(stations.find('cellar')!, 'Reset', reset);
      if (how === 'leaves') socket.close(1000);
      else if (how === 'is lost') socket.terminate();
      else await connected(app);
      expect(await answer).toMatchObject({ status: 502, body: { message: 'The station has gone.' } });
      expect(await waiting).toEqual(['gone']);
    });
  });

  describe('a shutdown', () => {
    it('ends what waits, and the station comes back to the next app on the port', async () => {
      const app = await start(platform);
      const next = await NestApp.create(platform, { imports: [AppModule] });
      const asked = new Gate();
      const client = await connected(
        app,
        ({ method }) => (method === 'Reset' ? (asked.open(), new Promise(() => {})) : { unknownKey: [] }),
        { reconnect: true, backoff: { initialDelay: 10, maxDelay: 50, factor: 2, randomisationFactor: 0 } },
      );
      const answer = ask(app, 'reset', reset);
      await asked.passed;
      const { port } = app;
      const left = once(client, 'disconnect');
      const back = once(client, 'open');
      await app.close();
      expect((await left)[0]).toMatchObject({ code: 1012 });
      expect((await answer).status).toBe(502);
      await next.app.listen(port, '127.0.0.1');
      await back;
      expect(await client.call('Heartbeat', {})).toHaveProperty('currentTime');
      expect(await ask(next, 'get-configuration', {})).toEqual({ status: 200, body: { unknownKey: [] } });
    });
  });

  describe('several nodes', () => {
    it('reach and replace each other’s stations', async () => {
      const network = new FakeNetwork();
      const node = (name: string) =>
        start(platform, {
          imports: [WebSockModule.forRoot({ cluster: { engine: network.engine(name) } }), AppModule],
        });
      const [a, b] = [await node('a'), await node('b')];
      const changes = new Log<unknown>();
      b.app.get(PubSub).subscribe('stations', (change) => changes.add(change));
      const first = await connected(a, () => ({ status: 'Rejected' }));
      await changes.next();
      expect(await ask(b, 'reset', reset)).toEqual({ status: 200, body: { status: 'Rejected' } });
      const closed = closeOf(first);
      // This node does not hear that the first connection has ended.
      network.loses = ({ from }) => from === 'a';
      await connected(b);
      expect(await closed).toMatchObject({ code: 4409 });
      expect(await ask(b, 'reset', reset)).toEqual({ status: 200, body: { status: 'Accepted' } });
    });
  });
});

describe('StationHandler', () => {
  it('goes on to the next call when one is overdue, and takes no late answer for it', async () => {
    const module = await Test.createTestingModule({ imports: [AppModule] })
      .setLogger({ log() {}, warn() {}, error() {} })
      .compile();
    const request = { protocol: 'ocpp1.6' };
    const open = await openHandler(module, StationHandler, { argument: 'cellar', request });
    const outcomes = ['1', '2', '3'].map((id) => open.pubsub.messages<Outcome>(outcomeOf(id)));
    open.info(new StationCall('1', 'Reset', reset, 1_000));
    await open.expectPush(json([2, '1', 'Reset', reset]));
    await open.clock.advance(400);
    open.info(new StationCall('2', 'Reset', reset, 1_000));
    open.info(new StationCall('3', 'Reset', reset, 100));
    // It has not been asked yet.
    open.send(json([3, '2', { status: 'Rejected' }]));
    await open.expectNothing();
    // One that waits is given up in its place.
    await open.clock.advance(100);
    expect((await outcomes[2]!.next()).value).toEqual(['timeout']);
    await open.clock.advance(500);
    expect((await outcomes[0]!.next()).value).toEqual(['timeout']);
    await open.expectPush(json([2, '2', 'Reset', reset]));
    open.send(json([3, '1', { status: 'Rejected' }]));
    open.send(json([3, '2', { status: 'Accepted' }]));
    expect((await outcomes[1]!.next()).value).toEqual(['result', { status: 'Accepted' }]);
    await open.clock.advance(10_000);
    await open.expectNothing();
    open.close(1000);
    await module.close();
  });
});
