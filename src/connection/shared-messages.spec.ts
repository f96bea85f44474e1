import { openConnection } from '../../test/support/fake-connection.js';
import { json, text, type Message } from '../websock/message.js';
import { push } from '../websock/result.js';

const board = { moves: 0 };
const kept: Message[] = [json(board), text('kept')];

/** Pushes the message of the given number, the same list each time. */
const pushing = { handleInfo: (index: number, state: unknown) => push(kept[index]!, state) };

/** Two ticks in one turn of the event loop, as two timers or two reads of sockets are. */
function inTwoTicks(send: () => void): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(send, 1);
    setTimeout(() => {
      send();
      setImmediate(resolve);
    }, 1);
    const start = performance.now();
    while (performance.now() - start < 5);
  });
}

const tick = () => new Promise((resolve) => setImmediate(resolve));

describe('a message list that goes to many connections', () => {
  it('is encoded once in a tick, and anew in the next', async () => {
    const connections = [openConnection(pushing), openConnection(pushing)];
    let encoded = 0;
    Object.defineProperty(board, 'moves', { enumerable: true, configurable: true, get: () => ++encoded });

    await inTwoTicks(() => {
      for (const { connection } of connections) connection.sendInfo(0);
    });

    const expected = ['text:{"moves":1}', 'text:{"moves":2}'];
    expect(connections.map(({ log }) => log)).toEqual([expected, expected]);
  });

  it('is checked again where it was filled anew', async () => {
    const filled = ['text', 'first'] as [string, string];
    const filling = {
      handleInfo(payload: string, state: unknown) {
        filled[1] = payload;
        return push(filled as never, state);
      },
    };
    const { connection, log } = openConnection(filling);

    connection.sendInfo('one');
    connection.sendInfo('two');
    await tick();

    expect(log).toEqual(['text:one', 'text:two']);
  });

  it('is refused each time it is no message', async () => {
    const logs = [1, 2].map(() => {
      const { connection, log } = openConnection({
        handleInfo: (_: unknown, state) => push(['oj', 'x'] as never, state),
      });
      connection.sendInfo('?');
      return log;
    });
    await tick();

    expect(logs).toEqual([['close:1011:'], ['close:1011:']]);
  });
});
