import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { connect, type NodeConnectionOptions } from '@nats-io/transport-node';
import { ConfigError, type EngineError } from '../../src/core.js';
import { nats } from '../../src/nats.js';
import { Broker, canStart } from '../support/brokers.js';
import { EngineLog } from './engine-log.js';

const folder = mkdtempSync(path.join(tmpdir(), 'nats-conf-'));
const conf = path.join(folder, 'nats.conf');
writeFileSync(
  conf,
  `authorization { users = [
    { user: all, password: a }
    { user: limited, password: a, permissions: { publish: ["websock.allowed", "PUB"], subscribe: ["websock.allowed"] } }
  ] }
  max_payload: 4096`,
);
// Where NATS_URL is all there is, these cases are skipped: they need a server with settings of its own.
const suite = canStart('nats') ? describe : describe.skip;
const broker = await Broker.start('nats', ...(canStart('nats') ? ['-c', conf] : []));
const stops: (() => unknown)[] = [];

afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});
afterAll(async () => {
  await broker.stop();
  rmSync(folder, { recursive: true });
});

async function start(options: NodeConnectionOptions = {}) {
  const login = { servers: broker.url, user: 'all', pass: 'a', reconnectTimeWait: 20 };
  const connection = await connect({ ...login, ...options });
  const engine = nats({ connection });
  const log = new EngineLog(engine);
  await engine.start(log);
  stops.push(
    () => connection.close(),
    () => engine.stop(),
  );
  return { connection, engine, log };
}

suite('nats()', () => {
  it.each([
    ['nothing', undefined],
    ['a promise, its await forgotten', Promise.resolve()],
    ['a URL', 'nats://localhost'],
  ])('refuses %s for a connection at boot, with what to give instead', (_, connection) => {
    const wrong = () => nats({ connection: connection as never });
    expect(wrong).toThrow(ConfigError);
    expect(wrong).toThrow(
      'nats(): connection must be what connect() of @nats-io/transport-node or nats resolves with; is an await missing?',
    );
  });

  it('refuses a prefix that would make no subject, or several', async () => {
    const { connection } = await start();
    for (const prefix of ['', 'a b.', 'a.*.', '>', '..', '.a', 'a..', 7 as never]) {
      expect(() => nats({ connection, prefix })).toThrow('nats(): prefix must be tokens joined by dots');
    }
    for (const prefix of ['a', 'a.', 'a.b.']) nats({ connection, prefix });
  });

  it('goes by what the server takes: its max_payload', async () => {
    const { engine } = await start();
    await engine.publish('a', Buffer.alloc(4_096));
    await expect(engine.publish('a', Buffer.alloc(4_097))).rejects.toThrow(
      'a packet of 4097 bytes is larger than the max_payload of the NATS server, 4096 bytes',
    );
  });

  it('rejects a subscription that the server forbids, and only that', async () => {
    const { engine, log } = await start({ user: 'limited' });
    const results = await Promise.allSettled(['allowed', 'forbidden'].map((name) => engine.subscribe(name)));
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
    expect((results[1] as PromiseRejectedResult).reason).toMatchObject({
      stage: 'subscribe',
      message: 'NATS refused the channel "forbidden"',
    });
    await engine.publish('allowed', Buffer.from('x'));
    await log.on('allowed').next();
  });

  it('tells of a packet that the server forbids, which no promise does, and not of the others of the connection', async () => {
    const { connection, engine, log } = await start({ user: 'limited' });
    connection.publish('not.ours');
    await engine.publish('forbidden', Buffer.from('x'));
    const [event, error, stage] = (await log.events.next()) as ['failed', EngineError, string];
    expect([event, stage, error.message]).toEqual([
      'failed',
      'publish',
      'NATS refused a packet for websock.forbidden',
    ]);
    expect(log.events.all).toHaveLength(1);
  });

  it('says so when the connection has been closed for good', async () => {
    const { connection, engine, log } = await start({ maxReconnectAttempts: 1 });
    await connection.close();
    const [event, error] = (await log.events.next()) as ['lost', EngineError];
    expect([event, (error.cause as Error).message]).toEqual([
      'lost',
      'the connection is closed for good: connect() with maxReconnectAttempts: -1',
    ]);
    await expect(engine.subscribe('a')).rejects.toMatchObject({ stage: 'subscribe' });
    await expect(engine.publish('a', Buffer.from('x'))).rejects.toThrow('NATS is away');
    expect(await engine.isHealthy()).toBe(false);
  });
});
