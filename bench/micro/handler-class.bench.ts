import { OnIn, OnInit, push, WebSockHandler, ok, type DataMessage } from '../../src/index.js';
import type { RawMessage } from '../../src/websock/message.js';
import { ASYNC_BAR, SYNC_BAR, type Bench } from './bench.js';
import { nestHandler } from './nest-handler.js';

@WebSockHandler('sync')
class SyncHandler {
  @OnInit()
  init(count: number) {
    return ok(count);
  }

  @OnIn()
  echo(message: DataMessage, count: number) {
    return push(message, count + 1);
  }
}

@WebSockHandler('async')
class AsyncHandler {
  @OnInit()
  init(count: number) {
    return ok(count);
  }

  @OnIn()
  async echo(message: DataMessage, count: number) {
    return push(message, count + 1);
  }
}

const echo = (message: RawMessage, count: number) => push(message, count + 1);
const echoLater = async (message: RawMessage, count: number) => push(message, count + 1);

export const benches: readonly Bench[] = [
  { name: '@OnIn, push', bar: SYNC_BAR, handler: () => nestHandler(SyncHandler), bare: echo },
  { name: '@OnIn, async push', bar: ASYNC_BAR, handler: () => nestHandler(AsyncHandler), bare: echoLater },
];
