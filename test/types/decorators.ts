import {
  type Connection,
  type DataMessage,
  type HandleResult,
  type HostedRequest,
  HostedSocket,
  ok,
  OnControl,
  OnIn,
  OnInfo,
  OnInit,
  OnSocket,
  OnTerminate,
  OnUpgrade,
  push,
  stop,
  text,
  WebSockHandler,
  WebSockModule,
} from 'nestjs-websock';

interface State {
  readonly said: number;
}

/** Helpers need no annotation. */
@WebSockHandler('rooms/:room', { timeout: 1_000, version: '1', host: 'example.com' })
export class Helpers {
  @OnUpgrade()
  admit() {
    return 7;
  }

  @OnInit()
  init(said: number, _connection: Connection) {
    return ok({ said });
  }

  @OnIn()
  async say(message: DataMessage, state: State) {
    if (message[0] === 'binary') return stop('normal', 1003, state);
    return message[1] === '' ? ok(state) : push(message, state);
  }

  @OnControl()
  control(_message: unknown, state: State) {
    return push([text('a'), text('b')], state);
  }

  @OnInfo()
  info(message: string, state: State): HandleResult<State> {
    return ['push', ['text', message], state];
  }

  @OnTerminate()
  left() {
    return 'ignored';
  }
}

@WebSockHandler()
export class Literals {
  @OnInit()
  init() {
    return ['ok', { said: 0 }] as const;
  }

  @OnIn()
  async say(_message: DataMessage, state: State): Promise<HandleResult<State>> {
    return ['ok', state];
  }
}

@WebSockHandler(['a', 'b'])
export class Mistakes {
  // @ts-expect-error: nothing is no result
  @OnInit()
  init() {}

  // @ts-expect-error: a misspelt tag
  @OnIn()
  say(_message: DataMessage, state: State) {
    return ['oj', state] as const;
  }

  // @ts-expect-error: an array is no tuple
  @OnControl()
  control(_message: unknown, state: State) {
    return ['ok', state];
  }

  // @ts-expect-error: one branch is no result
  @OnInfo()
  async info(message: string, state: State) {
    if (message === '') return undefined;
    return ok(state);
  }
}

// @ts-expect-error: the path is a string
@WebSockHandler({ path: 7 })
export class BadPath {}

// @ts-expect-error: no such option
@WebSockHandler('path', { timeOut: 1 })
export class BadOption {}

export const modules = [
  WebSockModule,
  WebSockModule.forRoot({ timeout: Infinity, drainer: { batchSize: 10 } }),
  WebSockModule.forRootAsync({ useFactory: async () => ({ compress: true }) }),
  // @ts-expect-error: a wrong type
  WebSockModule.forRoot({ compress: 1 }),
];

/** Returns what it likes, and takes fewer. */
@WebSockHandler('sockets')
export class Sockets {
  @OnSocket()
  async connected(socket: HostedSocket, request: HostedRequest, { room }: { room: string }) {
    socket.send(`${request.url} ${room}`, (error?: Error) => error?.message);
    return await Promise.resolve(7);
  }
}

@WebSockHandler('sockets')
export class FewerParameters {
  @OnSocket()
  connected(socket: HostedSocket) {
    return new Set([socket]);
  }
}

@WebSockHandler('sockets')
export class BadSockets {
  // @ts-expect-error: the first is the socket
  @OnSocket()
  swapped(_request: HostedRequest, _socket: HostedSocket) {}

  // @ts-expect-error: nobody gives it a fourth
  @OnSocket()
  more(_socket: HostedSocket, _request: HostedRequest, _argument: unknown, _more: unknown) {}
}
