import { setImmediate, setTimeout } from 'node:timers/promises';
import { finalize, interval, Subject } from 'rxjs';
import {
  binary,
  type CloseReason,
  type Connection,
  type DataMessage,
  ok,
  OnIn,
  OnInfo,
  OnInit,
  OnTerminate,
  push,
  text,
  WebSockHandler,
  WebSockModule,
} from '../../src/index.js';
import { Log } from '../support/log.js';
import { closeApps, eachPlatform, startApp } from '../support/nest.js';

let events: Log<string>;
let prices: Subject<number>;

/** Attaches two Observables: one that ticks, one that the rest of the app fills. */
@WebSockHandler('ticker')
class TickerHandler {
  @OnInit()
  start(_request: unknown, connection: Connection) {
    connection.attach(interval(5).pipe(finalize(() => events.add('interval released'))), (n) => `tick ${n}`);
    connection.attach(prices, (price) => `price ${price}`, { name: 'prices' });
    return ok(0);
  }

  @OnInfo()
  told(message: string | readonly unknown[], state: number) {
    return push(text(Array.isArray(message) ? message.join(' ') : (message as string)), state);
  }
}

/** Streams words for as long as the client stays. */
@WebSockHandler('words')
class WordsHandler {
  @OnIn()
  async *say([, data]: DataMessage, state: unknown, connection: Connection) {
    try {
      for (let i = 0; ; i++) {
        yield push(text(`${data} ${i}`), state);
        await setTimeout(i < 3 ? 1 : 60_000, undefined, { signal: connection.signal });
      }
    } finally {
      events.add(connection.signal.aborted ? 'finally, aborted' : 'finally');
    }
  }

  @OnTerminate()
  left(reason: CloseReason) {
    events.add(`terminate ${String(reason)}`);
  }
}

const BLOCK = Buffer.alloc(65_536, 'x');
const BLOCKS = 2_000;

let pulled: number;
let handled: number;
let ahead: number;
let downloads: Log<Connection>;

/** Sends blocks that are made as they are asked for. */
@WebSockHandler('download')
class DownloadHandler {
  @OnInit()
  start(_request: unknown, connection: Connection) {
    connection.attach(this.#blocks());
    downloads.add(connection);
    return ok(0);
  }

  @OnInfo()
  send(block: Buffer | readonly unknown[], state: unknown) {
    handled++;
    return Buffer.isBuffer(block) ? push(binary(block), state) : push(text(block.join(' ')), state);
  }

  async *#blocks() {
    try {
      while (pulled < BLOCKS) {
        pulled++;
        ahead = Math.max(ahead, pulled - handled);
        yield BLOCK;
      }
    } finally {
      events.add('blocks released');
    }
  }
}

eachPlatform('streams on %s', (platform) => {
  const start = () =>
    startApp(platform, {
      imports: [WebSockModule],
      providers: [TickerHandler, WordsHandler, DownloadHandler],
    });

  beforeEach(() => {
    events = new Log();
    downloads = new Log();
    prices = new Subject();
    [pulled, handled, ahead] = [0, 0, 0];
  });
  afterEach(closeApps);

  it('an attached Observable feeds handleInfo until the client leaves', async () => {
    const app = await start();
    const client = await app.open('/ticker');
    expect(await client.nextText()).toBe('tick 0');
    expect(await client.nextText()).toBe('tick 1');
    expect(prices.observed).toBe(true);
    client.close(1000);
    expect(await events.next()).toBe('interval released');
    expect(prices.observed).toBe(false);
  });

  it('an attached Subject tells what is published, and that it is done', async () => {
    const app = await start();
    const client = await app.open('/ticker');
    await client.nextText();
    prices.next(7);
    prices.complete();
    const seen: string[] = [];
    while (seen.at(-1) !== 'done prices') seen.push(await client.nextText());
    expect(seen.filter((line) => !line.startsWith('tick'))).toEqual(['price 7', 'done prices']);
    client.destroy();
    expect(await events.next()).toBe('interval released');
  });

  it('an async generator streams, and ends with its client', async () => {
    const app = await start();
    const client = await app.open('/words');
    client.text('a');
    for (let i = 0; i <= 3; i++) expect(await client.nextText()).toBe(`a ${i}`);
    client.destroy();
    expect(await events.next()).toBe('finally, aborted');
    expect(await events.next()).toBe('terminate error,closed');
  });

  it('an async generator ends at a shutdown, which waits for it', async () => {
    const app = await start();
    const client = await app.open('/words');
    client.text('b');
    for (let i = 0; i <= 3; i++) expect(await client.nextText()).toBe(`b ${i}`);
    const closed = app.close();
    expect((await client.nextClose()).code).toBe(1012);
    expect(events.all).toEqual(['finally, aborted', 'terminate shutdown']);
    client.destroy();
    await closed;
  });

  it('an async iterable is not pulled for a client that does not read', async () => {
    const app = await start();
    const client = await app.open('/download');
    client.socket.pause();
    const connection = await downloads.next();
    while (connection.bufferedAmount < 1_048_576) await setImmediate();
    // Unbridled it would be through by then.
    for (let i = 0; i < 200; i++) await setImmediate();
    expect(pulled).toBeLessThan(BLOCKS / 2);

    const before = pulled;
    client.socket.resume();
    while (pulled < before + 100) await client.nextFrame();
    expect(ahead).toBeLessThanOrEqual(17);
    client.destroy();
    expect(await events.next()).toBe('blocks released');
  });
});
