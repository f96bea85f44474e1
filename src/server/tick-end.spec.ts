import { flushAfter, flushSoon } from './tick-end.js';

/** Says when it is flushed. */
const flushable = (log: string[], name: string) => ({ flush: () => void log.push(name) });

const tick = () => new Promise((resolve) => setImmediate(resolve));

describe('the end of a tick', () => {
  const log: string[] = [];
  beforeEach(() => (log.length = 0));

  it('flushes all that wait for it, in order, before the next tick', async () => {
    const next = tick().then(() => log.push('next'));
    for (const name of ['one', 'two']) flushSoon(flushable(log, name));
    log.push('this');

    await next;
    expect(log).toEqual(['this', 'one', 'two', 'next']);
  });

  it('flushes at once what a chunk leads to, and what waited already', async () => {
    flushSoon(flushable(log, 'waited'));
    flushAfter({ read: (chunk: string) => flushSoon(flushable(log, chunk)) }, 'chunk');
    log.push('read');
    flushSoon(flushable(log, 'later'));

    expect(log).toEqual(['waited', 'chunk', 'read']);
    await tick();
    expect(log).toEqual(['waited', 'chunk', 'read', 'later']);
  });

  it('flushes what a chunk led to before it could not be read further', async () => {
    const failing = {
      read(chunk: string) {
        flushSoon(flushable(log, chunk));
        throw new Error('unreadable');
      },
    };

    expect(() => flushAfter(failing, 'chunk')).toThrow('unreadable');
    expect(log).toEqual(['chunk']);
    flushSoon(flushable(log, 'later'));
    await tick();
    expect(log).toEqual(['chunk', 'later']);
  });
});
