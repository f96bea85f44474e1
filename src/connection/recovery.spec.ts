import { settled } from '../../test/support/fake-clock.js';
import { openConnection } from '../../test/support/fake-connection.js';
import { ResultError } from '../websock/errors.js';
import { text } from '../websock/message.js';
import { ok, push } from '../websock/result.js';
import type { WebSock } from '../websock/websock.js';
import type { Failure, Handler } from './handler.js';

/** A handler whose failures go to `recover`. */
function recovering(websock: WebSock<any>, recover: (failure: Failure) => unknown): Handler {
  return { name: 'RoomHandler', websock, methods: {}, recover };
}

const failing: WebSock<string> = {
  init: () => ok('state'),
  handleIn([, data]) {
    if (data === 'fine') return push(text('fine'), 'state');
    throw new Error(String(data));
  },
};

describe('recover', () => {
  it('makes a result of a failure, from what was handled and the newest state', () => {
    const failures: Failure[] = [];
    const { say, log } = openConnection(
      recovering(failing, (failure) => {
        failures.push(failure);
        return push(text('sorry'), failure.state);
      }),
    );
    say('a');
    say('fine');
    expect(log).toEqual(['text:sorry', 'text:fine']);
    expect(failures).toEqual([
      { callback: 'handleIn', message: ['text', 'a'], state: 'state', error: new Error('a') },
    ]);
  });

  it('may take its time, while the next message waits', async () => {
    let answer = () => {};
    const answered = new Promise<void>((resolve) => (answer = resolve));
    const { say, log } = openConnection(
      recovering(failing, async ({ state }) => {
        await answered;
        return push(text('sorry'), state);
      }),
    );
    say('a');
    say('fine');
    await settled();
    expect(log).toEqual([]);
    answer();
    await settled();
    expect(log).toEqual(['text:sorry', 'text:fine']);
  });

  it.each([
    ['nothing', () => undefined],
    ['a promise of nothing', () => Promise.resolve(undefined)],
  ])('leaves the error an error where it answers %s', async (_, recover) => {
    const { say, log } = openConnection(recovering(failing, recover));
    say('a');
    await settled();
    expect(log).toEqual(['close:1011:']);
  });

  it('is asked once: a bad result of its own is the end', () => {
    let asked = 0;
    const reasons: unknown[] = [];
    const websock = { ...failing, terminate: (reason: unknown) => reasons.push(reason) };
    const { say, log } = openConnection(recovering(websock, () => [`nonsense ${asked++}`]));
    say('a');
    expect(log).toEqual(['close:1011:']);
    expect(asked).toBe(1);
    expect(reasons).toEqual([['error', expect.any(ResultError)]]);
  });

  it('is asked about a bad result, too', () => {
    const { say, log } = openConnection(
      recovering({ ...failing, handleIn: () => ['oj'] as never }, ({ error, state }) =>
        push(text((error as Error).name), state),
      ),
    );
    say('a');
    expect(log).toEqual(['text:ResultError']);
  });

  it('gives init its state', () => {
    const websock: WebSock = {
      init() {
        throw new Error('no');
      },
      handleIn: (_, state) => push(text(String(state)), state),
    };
    const { say, log } = openConnection(recovering(websock, () => ok('recovered')));
    say('a');
    expect(log).toEqual(['text:recovered']);
  });

  it('has upgradeTimeout for init, which has thrown at once', async () => {
    const websock: WebSock = {
      init() {
        throw new Error('no');
      },
    };
    const { clock, log } = openConnection(
      recovering(websock, () => new Promise(() => {})),
      { upgradeTimeout: 100 },
    );
    await clock.advance(99);
    await settled();
    expect(log).toEqual([]);
    await clock.advance(1);
    await settled();
    expect(log).toEqual(['close:1011:']);
  });

  it('is not asked about work that was called off because the client left', async () => {
    const asked: unknown[] = [];
    const websock: WebSock = {
      handleIn: (_, __, { signal }) =>
        new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    };
    const { connection, say } = openConnection(recovering(websock, ({ error }) => void asked.push(error)));
    say('a');
    connection.receiveClose(1000, Buffer.alloc(0));
    await settled();
    expect(asked).toEqual([]);
  });
});
