import type { PresenceDiffInfo } from '../websock/presence.js';
import { Presence } from './presence.js';

/** A presence without other nodes, whose ticks end when the case says so. */
function makePresence() {
  const told: PresenceDiffInfo[] = [];
  const live = new Set(['n.a', 'n.b', 'n.c']);
  let waiting: (() => void)[] = [];
  const presence = new Presence({
    node: 'n',
    isLive: (ref) => live.has(ref),
    hasSubscribers: (topic) => topic !== 'unheard',
    deliver: (_topic, info) => told.push(info),
    soon: (callback) => waiting.push(callback),
  });
  /** Ends the tick, and gives what was told. */
  const tick = () => {
    const callbacks = waiting;
    waiting = [];
    for (const callback of callbacks) callback();
    return told.splice(0);
  };
  const end = (ref: string) => {
    live.delete(ref);
    presence.release(ref);
  };
  return { presence, tick, end };
}

describe('track', () => {
  it('lists a connection under its key, and tells the subscribers when the tick is over', () => {
    const { presence, tick } = makePresence();
    const ref = presence.track('n.a', 'lobby', 'ann', { since: 1 });
    expect(presence.list('lobby')).toEqual({ ann: { metas: [{ since: 1, phx_ref: ref }] } });
    expect(presence.get('lobby', 'ann')).toEqual({ metas: [{ since: 1, phx_ref: ref }] });
    expect(tick()).toEqual([
      ['presence_diff', 'lobby', { joins: { ann: { metas: [{ since: 1, phx_ref: ref }] } }, leaves: {} }],
    ]);
    expect(tick()).toEqual([]);
  });

  it('keeps a meta per connection under the same key; one that leaves leaves the others', () => {
    const { presence, tick, end } = makePresence();
    const first = presence.track('n.a', 'lobby', 'ann', { device: 'phone' });
    const second = presence.track('n.b', 'lobby', 'ann', { device: 'desk' });
    const third = presence.track('n.c', 'lobby', 'ann', { device: 'tv' });
    expect(presence.get('lobby', 'ann')!.metas.map(({ phx_ref }) => phx_ref)).toEqual([first, second, third]);
    tick();
    end('n.b');
    presence.untrack('n.c', 'lobby', 'ann');
    expect(presence.get('lobby', 'ann')).toEqual({ metas: [{ device: 'phone', phx_ref: first }] });
    const [[, , { joins, leaves }]] = tick() as [PresenceDiffInfo];
    expect(joins).toEqual({});
    expect(leaves['ann']!.metas.map(({ phx_ref }) => phx_ref).sort()).toEqual([second, third].sort());
  });

  it('tells all that changes in a tick in one diff per topic', () => {
    const { presence, tick } = makePresence();
    presence.track('n.a', 'lobby', 'ann');
    presence.track('n.b', 'lobby', 'bob');
    presence.track('n.b', 'office', 'bob');
    const diffs = tick();
    expect(diffs.map(([, topic, { joins }]) => [topic, Object.keys(joins)])).toEqual([
      ['lobby', ['ann', 'bob']],
      ['office', ['bob']],
    ]);
  });

  it('tracks the same connection, topic and key once: the second is an update', () => {
    const { presence, tick } = makePresence();
    const first = presence.track('n.a', 'lobby', 'ann', { n: 1 });
    tick();
    const second = presence.track('n.a', 'lobby', 'ann', { n: 2 });
    expect(presence.list('lobby')).toEqual({
      ann: { metas: [{ n: 2, phx_ref: second, phx_ref_prev: first }] },
    });
  });

  it('takes no two places for one', () => {
    const { presence } = makePresence();
    presence.track('n.a', 'lobby', ':ann');
    presence.track('n.a', 'lobby:', 'ann');
    presence.untrack('n.a', 'lobby:', 'ann');
    expect(Object.keys(presence.list('lobby'))).toEqual([':ann']);
  });

  it('does nothing for a connection that has ended', () => {
    const { presence, tick, end } = makePresence();
    end('n.a');
    expect(presence.track('n.a', 'lobby', 'ann')).toBeUndefined();
    expect(presence.list('lobby')).toEqual({});
    expect(tick()).toEqual([]);
  });

  it('takes any key for a key, __proto__ included', () => {
    const { presence, tick } = makePresence();
    presence.track('n.a', 'lobby', '__proto__', { polluted: true });
    expect(Object.keys(presence.list('lobby'))).toEqual(['__proto__']);
    expect(Object.keys(tick()[0]![2].joins)).toEqual(['__proto__']);
    expect(JSON.stringify(presence.list('lobby'))).toContain('"__proto__":{"metas":[{"polluted":true');
  });

  it('copies the meta, so that later changes of the object are nobody’s', () => {
    const { presence } = makePresence();
    const meta = { n: 1 };
    presence.track('n.a', 'lobby', 'ann', meta);
    meta.n = 2;
    expect(presence.get('lobby', 'ann')!.metas[0]).toMatchObject({ n: 1 });
    expect(() => Object.assign(presence.get('lobby', 'ann')!.metas[0]!, { n: 3 })).toThrow(TypeError);
  });

  it.each([
    ['an empty topic', () => makePresence().presence.track('n.a', '', 'ann'), /topic/],
    [
      'a lone surrogate in a key',
      () => makePresence().presence.track('n.a', 'lobby', 'a\ud800'),
      /well-formed/,
    ],
    ['an empty key', () => makePresence().presence.track('n.a', 'lobby', ''), /track: a key/],
    ['a number as key', () => makePresence().presence.track('n.a', 'lobby', 7 as never), /track: a key/],
    ['a list as meta', () => makePresence().presence.track('n.a', 'lobby', 'ann', []), /track: a meta/],
    ['no meta but null', () => makePresence().presence.track('n.a', 'lobby', 'ann', null as never), /a meta/],
    [
      'a connection of another node',
      () => makePresence().presence.track('m.a', 'lobby', 'ann'),
      /not of this node \(n\)/,
    ],
    [
      'no connection',
      () => makePresence().presence.track(undefined as never, 'lobby', 'ann'),
      /expected a connection/,
    ],
  ])('throws a TypeError for %s', (_what, act, message) => {
    expect(act).toThrow(TypeError);
    expect(act).toThrow(message);
  });
});

describe('untrack', () => {
  it('of what was tracked in the same tick tells nothing', () => {
    const { presence, tick } = makePresence();
    presence.track('n.a', 'lobby', 'ann');
    presence.untrack('n.a', 'lobby', 'ann');
    expect(presence.list('lobby')).toEqual({});
    expect(tick()).toEqual([]);
  });

  it('of what somebody may have seen in the list tells the join first, then the leave', () => {
    const { presence, tick } = makePresence();
    const ref = presence.track('n.a', 'lobby', 'ann');
    presence.list('lobby');
    presence.untrack('n.a', 'lobby', 'ann');
    const metas = { ann: { metas: [{ phx_ref: ref }] } };
    expect(tick().map(([, , diff]) => diff)).toEqual([
      { joins: metas, leaves: {} },
      { joins: {}, leaves: metas },
    ]);
  });

  it('without a key takes off all that the connection has in the topic, and nothing else', () => {
    const { presence } = makePresence();
    presence.track('n.a', 'lobby', 'ann');
    presence.track('n.a', 'lobby', 'anna');
    presence.track('n.a', 'office', 'ann');
    presence.track('n.b', 'lobby', 'bob');
    presence.untrack('n.a', 'lobby');
    expect(Object.keys(presence.list('lobby'))).toEqual(['bob']);
    expect(Object.keys(presence.list('office'))).toEqual(['ann']);
  });

  it('does nothing where the connection is not tracked', () => {
    const { presence, tick } = makePresence();
    presence.track('n.b', 'lobby', 'bob');
    presence.untrack('n.a', 'lobby', 'bob');
    presence.untrack('n.a', 'lobby');
    presence.untrack('n.a', 'nowhere', 'bob');
    expect(Object.keys(presence.list('lobby'))).toEqual(['bob']);
    expect(tick()).toHaveLength(1);
  });
});

describe('update', () => {
  it('is a leave of the old meta and a join of the new one, which names it', () => {
    const { presence, tick } = makePresence();
    const first = presence.track('n.a', 'lobby', 'ann', { status: 'here' });
    tick();
    const second = presence.update('n.a', 'lobby', 'ann', (meta) => ({ ...meta, status: 'away' }));
    expect(second).not.toBe(first);
    expect(tick().map(([, , diff]) => diff)).toEqual([
      {
        joins: { ann: { metas: [{ status: 'away', phx_ref: second, phx_ref_prev: first }] } },
        leaves: { ann: { metas: [{ status: 'here', phx_ref: first }] } },
      },
    ]);
  });

  it('does nothing where the connection is not tracked, not any more either', () => {
    const { presence, tick } = makePresence();
    expect(presence.update('n.a', 'lobby', 'ann', {})).toBeUndefined();
    presence.track('n.a', 'lobby', 'ann');
    const updated = presence.update('n.a', 'lobby', 'ann', () => {
      presence.untrack('n.a', 'lobby');
      return {};
    });
    expect(updated).toBeUndefined();
    expect(presence.list('lobby')).toEqual({});
    expect(tick()).toEqual([]);
  });

  it('throws what the function throws, and a TypeError for what is no meta; the old one stays', () => {
    const { presence } = makePresence();
    presence.track('n.a', 'lobby', 'ann', { n: 1 });
    expect(() => presence.update('n.a', 'lobby', 'ann', () => 3 as never)).toThrow(
      /update: a meta is an object/,
    );
    expect(() =>
      presence.update('n.a', 'lobby', 'ann', () => {
        throw new Error('mine');
      }),
    ).toThrow('mine');
    expect(presence.get('lobby', 'ann')!.metas).toMatchObject([{ n: 1 }]);
  });
});

describe('the end of a connection', () => {
  it('releases all it has tracked, in all topics', () => {
    const { presence, tick, end } = makePresence();
    presence.track('n.a', 'lobby', 'ann');
    presence.track('n.a', 'office', 'ann');
    presence.track('n.b', 'office', 'bob');
    tick();
    end('n.a');
    expect(presence.list('lobby')).toEqual({});
    expect(Object.keys(presence.list('office'))).toEqual(['bob']);
    expect(tick().map(([, topic, { leaves }]) => [topic, Object.keys(leaves)])).toEqual([
      ['lobby', ['ann']],
      ['office', ['ann']],
    ]);
  });

  it('10,000 in one tick are one diff', () => {
    const { presence, tick } = makePresence();
    for (let i = 0; i < 10_000; i++) presence.track('n.a', 'lobby', `key ${i}`);
    expect(Object.keys(tick()[0]![2].joins)).toHaveLength(10_000);
    presence.release('n.a');
    const diffs = tick();
    expect(diffs).toHaveLength(1);
    expect(Object.keys(diffs[0]![2].leaves)).toHaveLength(10_000);
    expect(presence.list('lobby')).toEqual({});
  });
});

describe('list and get', () => {
  it('are empty where there is nobody', () => {
    const { presence } = makePresence();
    expect(presence.list('lobby')).toEqual({});
    expect(presence.get('lobby', 'ann')).toBeUndefined();
  });

  it('know a topic that nobody is subscribed to', () => {
    const { presence, tick } = makePresence();
    presence.track('n.a', 'unheard', 'ann');
    expect(tick()).toEqual([]);
    expect(Object.keys(presence.list('unheard'))).toEqual(['ann']);
  });
});
