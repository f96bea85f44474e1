import { handlerOf } from '../../src/connection/handler.js';
import { callbackTracing } from '../../src/telemetry/callback-tracing.js';
import type { RawMessage } from '../../src/websock/message.js';
import { push } from '../../src/websock/result.js';
import type { WebSock } from '../../src/websock/websock.js';
import type { Bench } from './bench.js';

const echo = (message: RawMessage, count: number) => push(message, count + 1);
const echoLater = async (message: RawMessage, count: number) => push(message, count + 1);
const ignore = () => {};

async function traced(run: () => Promise<void>): Promise<void> {
  const { start, end, asyncEnd } = callbackTracing;
  for (const channel of [start, end, asyncEnd]) channel.subscribe(ignore);
  await run();
  for (const channel of [start, end, asyncEnd]) channel.unsubscribe(ignore);
}

export const benches: readonly Bench[] = [
  {
    name: 'handleIn, push, its callbacks traced',
    handler: () => handlerOf({ handleIn: echo } as WebSock),
    bare: echo,
    within: traced,
  },
  {
    name: 'handleIn, async push, its callbacks traced',
    handler: () => handlerOf({ handleIn: echoLater } as WebSock),
    bare: echoLater,
    within: traced,
  },
];
