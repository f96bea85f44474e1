import { Injectable } from '@nestjs/common';
import {
  type CloseFacts,
  type CloseReason,
  type Connection,
  Connections,
  type ControlMessage,
  type DataMessage,
  type HandleResult,
  ok,
  OnControl,
  OnIn,
  OnInfo,
  OnInit,
  OnTerminate,
  OnUpgrade,
  push,
  reply,
  text,
  type UpgradeRequest,
  type WebSock,
  WebSockHandler,
  WebSockModule,
} from '../../src/index.js';
import { Log } from '../support/log.js';
import { closeApps, eachPlatform, startApp } from '../support/nest.js';

@Injectable()
class Greetings {
  greet(name: string) {
    return `hello ${name}`;
  }
}

interface State {
  readonly name: string;
  readonly said: number;
}

let refs: Log<string>;
let ends: Log<unknown[]>;

@WebSockHandler('decorated/:name')
class DecoratedHandler {
  constructor(private readonly greetings: Greetings) {}

  @OnUpgrade()
  admit() {
    return 'ann';
  }

  @OnInit()
  start(name: string, connection: Connection) {
    refs.add(connection.ref);
    return push(text(this.greetings.greet(name)), { name, said: 0 });
  }

  @OnIn()
  say([, data]: DataMessage, state: State, _connection: Connection) {
    return push(text(`${state.name} ${state.said}: ${data}`), { ...state, said: state.said + 1 });
  }

  @OnControl()
  control([opcode, data]: ControlMessage, state: State) {
    return push(text(`${opcode} ${data}`), state);
  }

  @OnInfo()
  async told(message: string, state: State): Promise<HandleResult<State>> {
    return ['reply', `got ${message}`, ['text', message], state];
  }

  @OnTerminate()
  left(reason: CloseReason, state: State, facts: CloseFacts, connection: Connection) {
    ends.add([reason, state, facts, connection.ref]);
  }

  /** No callback: this class has decorators. */
  handleInfo(): HandleResult<State> {
    throw new Error('handleInfo was called');
  }
}

@WebSockHandler('plain')
class PlainHandler implements WebSock<UpgradeRequest, UpgradeRequest, string> {
  init(request: UpgradeRequest, connection: Connection) {
    refs.add(connection.ref);
    return ok(request);
  }

  handleIn(message: DataMessage, state: UpgradeRequest) {
    return push([text(state.path), message], state);
  }

  handleInfo(message: string, state: UpgradeRequest) {
    return reply(message.length, [], state);
  }

  terminate(...args: unknown[]) {
    ends.add(args.slice(0, 3));
  }
}

class Base {
  @OnIn()
  handle([, data]: DataMessage, state: unknown) {
    return push(text(`base ${data}`), state);
  }

  @OnInfo()
  info(message: string, state: unknown) {
    return push(text(message), state);
  }
}

@WebSockHandler('inherited')
class InheritingHandler extends Base {
  @OnInit()
  init(argument: unknown, connection: Connection) {
    refs.add(connection.ref);
    return ok(argument);
  }

  /** Still the callback: its name is. */
  override handle([, data]: DataMessage, state: unknown) {
    return push(text(`derived ${data}`), state);
  }
}

eachPlatform('a handler on %s', (platform) => {
  const start = () =>
    startApp(platform, {
      imports: [WebSockModule],
      providers: [Greetings, DecoratedHandler, PlainHandler, InheritingHandler],
    });

  beforeEach(() => {
    refs = new Log();
    ends = new Log();
  });
  afterEach(closeApps);

  it('runs decorated methods', async () => {
    const app = await start();
    const connections = app.app.get(Connections);
    const client = await app.open('/decorated/x');
    expect(await client.nextText()).toBe('hello ann');
    client.text('hi');
    expect(await client.nextText()).toBe('ann 0: hi');
    client.pong('beat');
    expect(await client.nextText()).toBe('pong beat');
    const ref = await refs.next();
    expect(connections.list()).toEqual([ref]);
    expect(await connections.call(ref, 'news')).toBe('got news');
    expect(await client.nextText()).toBe('news');
    client.close(1001, 'bye');
    expect(await client.nextClose()).toEqual({ code: 1001, reason: 'bye' });
    expect(await ends.next()).toEqual([
      'remote',
      { name: 'ann', said: 1 },
      { code: 1001, reason: 'bye', initiator: 'client' },
      ref,
    ]);
  });

  it('runs the methods of the WebSock interface', async () => {
    const app = await start();
    const client = await app.open('/plain');
    client.text('hi');
    expect(await client.nextText()).toBe('/plain');
    expect(await client.nextText()).toBe('hi');
    expect(await app.app.get(Connections).call(await refs.next(), 'four')).toBe(4);
    client.destroy();
    expect(await ends.next()).toMatchObject([['error', 'closed'], { path: '/plain' }, { code: 1006 }]);
  });

  it('inherits callbacks, and overrides them by name', async () => {
    const app = await start();
    const client = await app.open('/inherited');
    client.text('x');
    expect(await client.nextText()).toBe('derived x');
    app.app.get(Connections).sendInfo(await refs.next(), 'news');
    expect(await client.nextText()).toBe('news');
  });
});
