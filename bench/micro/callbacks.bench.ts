import { AsyncLocalStorage } from 'node:async_hooks';
import { handlerOf } from '../../src/connection/handler.js';
import type { RawMessage } from '../../src/websock/message.js';
import { ok, push } from '../../src/websock/result.js';
import type { WebSock } from '../../src/websock/websock.js';
import { ASYNC_BAR, SYNC_BAR, type Bench } from './bench.js';

const RESULTS = 16;

const echo = (message: RawMessage, count: number) => push(message, count + 1);
const keep = (_message: RawMessage, count: number) => ok(count + 1);

/** Settled at once: what is measured is the least that a promise costs. */
const echoLater = async (message: RawMessage, count: number) => push(message, count + 1);

async function* echoOften(message: RawMessage, count: number) {
  for (let i = 1; i <= RESULTS; i++) yield push(message, count + i);
}

const plain = (websock: WebSock<number, number, RawMessage>) => () => handlerOf(websock as WebSock);

const inStorage = (run: () => Promise<void>) => new AsyncLocalStorage().run({ id: 1 }, run);

export const benches: readonly Bench[] = [
  { name: 'handleIn, push', bar: SYNC_BAR, handler: plain({ handleIn: echo }), bare: echo },
  { name: 'handleIn, ok', bar: SYNC_BAR, handler: plain({ handleIn: keep }), bare: keep, isSilent: true },
  { name: 'handleIn, async push', bar: ASYNC_BAR, handler: plain({ handleIn: echoLater }), bare: echoLater },
  {
    name: 'handleIn, push, an AsyncLocalStorage in use',
    bar: SYNC_BAR,
    handler: plain({ handleIn: echo }),
    bare: echo,
    within: inStorage,
  },
  {
    name: 'handleIn, async push, an AsyncLocalStorage in use',
    bar: ASYNC_BAR,
    handler: plain({ handleIn: echoLater }),
    bare: echoLater,
    within: inStorage,
  },
  {
    name: 'handleIn, async generator, a yield',
    handler: plain({ handleIn: echoOften }),
    bare: echoOften,
    results: RESULTS,
  },
  {
    name: 'handleInfo by sendInfo, push',
    handler: plain({ handleInfo: echo }),
    bare: echo,
    give: (connection, message, connections) => connections.sendInfo(connection.ref, message),
  },
];
