import { AsyncLocalStorage } from 'node:async_hooks';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { WebSocket } from 'ws';
import {
  ok,
  OnIn,
  OnInfo,
  OnInit,
  push,
  stop,
  text,
  WebSockHandler,
  WebSockModule,
  type Connection,
  type DataMessage,
  type HandleResult,
} from '../../src/index.js';
import { callbackTracing, telemetry, type ConnectionStop } from '../../src/telemetry.js';
import { OPCODE } from '../support/frames.js';
import { Gate, Log } from '../support/log.js';
import { LogLines } from '../support/log-lines.js';
import { closeApps, eachPlatform, startApp } from '../support/nest.js';
import { expectOnTime } from '../support/timing.js';

const NONE = { messages: 0, bytes: 0 };

@WebSockHandler('echo')
class EchoHandler {
  @OnIn()
  say([opcode, data]: DataMessage, state: unknown): HandleResult<unknown> {
    if (data === 'throw') throw new TypeError('out of order');
    if (data === 'stop') return stop('normal', [4000, 'enough'], state);
    if (data === 'ping') return push(['ping', 'ünd'], state);
    return push([opcode, data] as DataMessage, state);
  }
}

@WebSockHandler('packed', { compress: true, deflateOptions: { threshold: 0 } })
class PackedHandler extends EchoHandler {}

let gate: Gate;

@WebSockHandler('slow', { slowCallback: 100 })
class SlowHandler {
  @OnIn()
  async think(_message: DataMessage, state: unknown): Promise<HandleResult<unknown>> {
    await gate.passed;
    return push(text('at last'), state);
  }
}

const store = new AsyncLocalStorage<string>();
let seen: (string | undefined)[];

@WebSockHandler('traced')
class TracedHandler {
  @OnInit()
  init() {
    seen.push(store.getStore());
    return ok(0);
  }

  @OnIn()
  async say(_message: DataMessage, state: number, connection: Connection): Promise<HandleResult<number>> {
    await new Promise((resolve) => setImmediate(resolve));
    seen.push(store.getStore());
    connection.sendInfo('count');
    return ok(state);
  }

  @OnInfo()
  async *count(_message: unknown, state: number) {
    yield push(text('one'), state);
    await new Promise((resolve) => setImmediate(resolve));
    seen.push(store.getStore());
    yield push(text('two'), state);
    seen.push(store.getStore());
  }
}

eachPlatform('telemetry on %s', (platform) => {
  let stops: Log<ConnectionStop>;
  let log: LogLines;
  const note = (event: ConnectionStop) => stops.add(event);

  const start = () =>
    startApp(platform, {
      imports: [WebSockModule],
      providers: [EchoHandler, PackedHandler, SlowHandler, TracedHandler],
      logger: log,
    });

  beforeEach(() => {
    stops = new Log();
    log = new LogLines();
    gate = new Gate();
    seen = [];
    telemetry.connectionStop.subscribe(note);
  });
  afterEach(async () => {
    await closeApps();
    telemetry.connectionStop.unsubscribe(note);
  });

  it('counts messages and bytes of payload, in UTF-8, by opcode each way', async () => {
    const app = await start();
    const client = await app.open('/echo');
    client.text('né 🍲');
    await client.nextFrame();
    client.send(
      { opcode: OPCODE.text, payload: 'ab', fin: false },
      { opcode: OPCODE.continuation, payload: 'cde' },
    );
    await client.nextFrame();
    client.binary(Buffer.alloc(70_000));
    await client.nextFrame();
    client.ping('1234');
    await client.nextFrame();
    client.text('ping');
    await client.nextFrame();
    client.pong('ünd');
    client.text('stop');
    await client.nextClose();
    client.close(4000);
    client.end();
    expect((await stops.next()).traffic).toEqual({
      received: {
        text: { messages: 4, bytes: 8 + 5 + 4 + 4 },
        binary: { messages: 1, bytes: 70_000 },
        ping: { messages: 1, bytes: 4 },
        pong: { messages: 1, bytes: 4 },
      },
      sent: {
        text: { messages: 2, bytes: 8 + 5 },
        binary: { messages: 1, bytes: 70_000 },
        ping: { messages: 1, bytes: 4 },
        pong: { messages: 1, bytes: 4 },
      },
    });
  });

  it('counts what a compressed connection carries before compression', async () => {
    const app = await start();
    const client = new WebSocket(`ws://127.0.0.1:${app.port}/packed`);
    await new Promise((resolve) => client.once('open', resolve));
    expect(client.extensions).toContain('permessage-deflate');
    client.send('é'.repeat(1_000));
    await new Promise((resolve) => client.once('message', resolve));
    client.close(1000);
    const { traffic } = await stops.next();
    expect(traffic.received).toMatchObject({ text: { messages: 1, bytes: 2_000 }, binary: NONE });
    expect(traffic.sent).toMatchObject({ text: { messages: 1, bytes: 2_000 }, binary: NONE });
  });

  it('tells why a connection ended, and after how long', async () => {
    const app = await start();
    const from = performance.now();
    const client = await app.open('/echo?token=secret');
    client.text('stop');
    await client.nextClose();
    client.close(4000);
    client.end();
    const stopped = await stops.next();
    expect(stopped).toMatchObject({
      handler: 'EchoHandler',
      reason: 'normal',
      error: undefined,
      facts: { code: 4000, reason: 'enough', initiator: 'server' },
    });
    expect(stopped.duration).toBeGreaterThan(0);
    expect(stopped.duration).toBeLessThan(performance.now() - from);
    expect(JSON.stringify(stopped)).not.toContain('secret');

    const crashing = await app.open('/echo');
    crashing.text('throw');
    await crashing.nextClose();
    crashing.end();
    const crashed = await stops.next();
    expect(crashed.error).toBeInstanceOf(TypeError);
    expect(crashed.reason).toEqual(['error', crashed.error]);
  });

  it('has one warn in the log for a callback that takes long, and lets it go on', async () => {
    const app = await start();
    const told = new Promise<number>((resolve) => {
      telemetry.callbackSlow.subscribe(function once() {
        telemetry.callbackSlow.unsubscribe(once);
        resolve(performance.now());
      });
    });
    const client = await app.open('/slow');
    const from = performance.now();
    client.text('x');
    expectOnTime((await told) - from, 100);
    gate.open();
    expect((await client.nextFrame()).payload.toString()).toBe('at last');
    expect(log.at('warn')).toEqual([
      expect.stringMatching(/^SlowHandler\.think\(\) on connection \S+ has not settled for \d+ ms/),
    ]);
  });

  it('keeps a store bound to the start of callbacks through awaits and generators', async () => {
    callbackTracing.start.bindStore(store, ({ method }) => method);
    try {
      const app = await start();
      const client = await app.open('/traced');
      client.text('x');
      await client.nextFrame();
      await client.nextFrame();
      client.ping();
      await client.nextFrame();
      expect(seen).toEqual([
        'TracedHandler.init',
        'TracedHandler.say',
        'TracedHandler.count',
        'TracedHandler.count',
      ]);
    } finally {
      callbackTracing.start.unbindStore(store);
    }
  });
});
