import {
  type DataMessage,
  type HandleResult,
  ok,
  OnIn,
  OnInit,
  OnTerminate,
  stop,
  WebSockHandler,
  WebSockModule,
  WebSockServer,
} from '../../src/index.js';
import { telemetry } from '../../src/telemetry/events.js';
import { OPCODE } from '../support/frames.js';
import { Log } from '../support/log.js';
import { LogLines } from '../support/log-lines.js';
import { closeApps, eachPlatform, startApp } from '../support/nest.js';

let ends: Log<unknown>;

@WebSockHandler('talks/:id', { terminateTimeout: 20 })
class TalkHandler {
  @OnInit()
  init(): HandleResult<string> {
    return ok('state');
  }

  @OnIn()
  say([, data]: DataMessage, state: string): HandleResult<string> {
    if (data === 'throw') throw new TypeError('out of order');
    if (data === 'bad') return ['oj', state] as never;
    if (data === 'stop') return stop('normal', state);
    return ok(state);
  }

  @OnTerminate()
  left(reason: unknown) {
    ends.add(reason);
    return reason === 'remote' ? new Promise(() => {}) : undefined;
  }
}

@WebSockHandler()
class SilentHandler {
  init(argument: unknown) {
    return ok(argument);
  }
}

eachPlatform('the log on %s', (platform) => {
  let log: LogLines;

  const start = () =>
    startApp(platform, { imports: [WebSockModule], providers: [TalkHandler, SilentHandler], logger: log });

  beforeEach(() => {
    log = new LogLines();
    ends = new Log();
  });
  afterEach(closeApps);

  it('has a line per handler at boot that says WebSocket', async () => {
    await start();
    expect(log.at('log')).toEqual([
      'TalkHandler {/talks/:id}: WebSocket',
      'SilentHandler (no path, by upgrade()): WebSocket',
    ]);
  });

  it('has an error with its stack when a callback fails', async () => {
    const app = await start();
    const client = await app.open('/talks/1');
    client.text('throw');
    expect(await client.nextClose()).toMatchObject({ code: 1011 });
    expect(log.lines.filter(({ level }) => level === 'error')).toEqual([
      {
        level: 'error',
        message: expect.stringMatching(
          /^TalkHandler\.say\(\) failed on connection \S+: TypeError: out of order$/,
        ),
        stack: expect.stringContaining('logging.spec'),
      },
    ]);
    expect(log.at('warn')).toEqual([]);
  });

  it('names handler, method and fault of a bad result', async () => {
    const app = await start();
    const client = await app.open('/talks/1');
    client.text('bad');
    await client.nextClose();
    expect(log.at('error')).toEqual([expect.stringContaining('TalkHandler.say() returned a bad result')]);
  });

  it("has one warn, without a stack, for a client's violation", async () => {
    const app = await start();
    const client = await app.open('/talks/1');
    client.send({ opcode: OPCODE.text, payload: 'secret', rsv: 7 });
    expect(await client.nextClose()).toMatchObject({ code: 1002 });
    client.close(1002);
    client.end();
    await client.ended();
    await app.close();
    expect(log.lines.filter(({ level }) => level === 'warn')).toEqual([
      {
        level: 'warn',
        message: expect.stringMatching(
          /^TalkHandler: connection \S+ broke the protocol \(closed with 1002\): /,
        ),
        stack: undefined,
      },
    ]);
    expect(log.at('error')).toEqual([]);
    expect(JSON.stringify(log.lines)).not.toContain('secret');
  });

  it('has a warn when a callback overruns', async () => {
    const app = await start();
    const client = await app.open('/talks/1');
    client.close(1000);
    expect(await client.nextClose()).toMatchObject({ code: 1000 });
    expect(log.at('warn')).toEqual([
      expect.stringMatching(/^TalkHandler\.left\(\) on connection \S+ did not come back within 20 ms/),
    ]);
  });

  it('has nothing above debug for normal ends and clients that go away', async () => {
    const app = await start();
    const stopped = await app.open('/talks/1');
    stopped.text('stop');
    expect(await stopped.nextClose()).toMatchObject({ code: 1000 });
    const gone = await app.open('/talks/1');
    gone.reset();
    await ends.next();
    await ends.next();
    expect(log.at('warn').concat(log.at('error'))).toEqual([]);
    expect(log.at('debug')).toContainEqual(expect.stringMatching(/ended: closed \(transport, 1006\)$/));
  });

  it('has refused upgrades at debug, but an origin at warn with what to do', async () => {
    const app = await start();
    await app.open('/nowhere');
    expect(log.at('debug')).toEqual([expect.stringMatching(/^upgrade refused with 404/)]);
    const headers = { Cookie: 'a=secret', Origin: 'https://evil.example', Host: 'app.example' };
    await app.open('/talks/1', { headers });
    expect(log.at('warn')).toEqual([
      'upgrade refused with 403: Origin https://evil.example may not connect to Host app.example; see the option checkOrigin',
    ]);
    expect(JSON.stringify(log.lines)).not.toContain('secret');
  });

  it('tells of the shutdown, and nothing after it', async () => {
    const app = await start();
    const client = await app.open('/talks/1');
    const closed = app.close();
    await client.nextClose();
    client.destroy();
    await closed;
    const late = {
      app: app.app.get(WebSockServer).app,
      ref: 'after.shutdown',
      handler: 'TalkHandler',
      callback: 'handleIn',
    } as const;
    telemetry.messageDropped.publish(late);
    expect(log.at('debug')).not.toContainEqual(expect.stringContaining('after.shutdown'));
    expect(log.at('log').slice(2)).toEqual([
      'shutting down: telling 1 connections',
      expect.stringMatching(/^shut down after \d+ ms: 0 had to be cut off/),
    ]);
  });

  it('says nothing of a shutdown without connections', async () => {
    const app = await start();
    await app.close();
    expect(log.at('log')).toHaveLength(2);
  });

  it('is of its own app only', async () => {
    const app = await start();
    const otherLog = new LogLines();
    const other = await startApp(platform, {
      imports: [WebSockModule],
      providers: [TalkHandler],
      logger: otherLog,
    });
    // The logger is Nest's, one for the process: the later app's. Its lines are told apart by connection.
    const client = await app.open('/talks/1');
    client.text('throw');
    await client.nextClose();
    expect(otherLog.at('error')).toHaveLength(1);
    await other.close();
  });
});
