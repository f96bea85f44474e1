import type { PresenceDiffInfo } from '../websock/presence.js';
import type { NodePart } from './node-link.js';
import { readPresence, writePresence, type PresenceMessage, type SentEntry } from './presence-messages.js';
import { Presence } from './presence.js';

type Sent = [to: string, message: PresenceMessage];

/** Presence on node `n`; the case plays all the others, and ends the ticks. */
function makeNode() {
  const told: PresenceDiffInfo[] = [];
  const sent: Sent[] = [];
  const failures: unknown[] = [];
  let waiting: (() => void)[] = [];
  const presence = new Presence({
    node: 'n',
    isLive: () => true,
    hasSubscribers: () => true,
    deliver: (_topic, info) => told.push(info),
    soon: (callback) => waiting.push(callback),
  });
  const record = (to: string, bytes: Uint8Array) => sent.push([to, readPresence(bytes)!]);
  const connect = () =>
    presence.connect({
      node: 'n',
      sendToAll: (bytes) => record('all', bytes),
      sendTo: record,
      encode(value) {
        if (Object.values(value as object).some((part) => typeof part === 'function'))
          throw new Error('a function');
        return Buffer.from(JSON.stringify(value));
      },
      decode: (bytes) => JSON.parse(Buffer.from(bytes).toString()) as unknown,
      failed: (error) => failures.push(error),
    });
  return {
    presence,
    connect,
    failures,
    /** Ends the tick. */
    tick() {
      const callbacks = waiting;
      waiting = [];
      for (const callback of callbacks) callback();
    },
    /** What was sent and told since the last time. */
    sent: () => sent.splice(0),
    told: () => told.splice(0),
  };
}

const say = (part: NodePart, from: string, message: PresenceMessage) =>
  part.receive(from, writePresence(message));

const entry = (key: string, ref = `m:${key}`, topic = 'lobby'): SentEntry => [
  topic,
  key,
  Buffer.from(JSON.stringify({ phx_ref: ref })),
];

const keysOf = (presence: Presence) => Object.keys(presence.list('lobby')).sort();

describe('what a node tells the others', () => {
  it('is a delta per tick, counted', () => {
    const { presence, connect, tick, sent } = makeNode();
    connect();
    const ref = presence.track('n.1', 'lobby', 'ann', { n: 1 })!;
    presence.track('n.2', 'lobby', 'bob');
    presence.untrack('n.2', 'lobby', 'bob');
    tick();
    expect(sent()).toEqual([['all', ['delta', 1, [entryOf('ann', { n: 1, phx_ref: ref })], []]]]);
    presence.release('n.1');
    tick();
    expect(sent()).toEqual([['all', ['delta', 2, [], [ref]]]]);
    tick();
    expect(sent()).toEqual([]);
  });

  it('is an update as one delta, its join and its leave', () => {
    const { presence, connect, tick, sent } = makeNode();
    connect();
    const first = presence.track('n.1', 'lobby', 'ann', { n: 1 })!;
    tick();
    sent();
    const second = presence.update('n.1', 'lobby', 'ann', { n: 2 })!;
    tick();
    const meta = { n: 2, phx_ref: second, phx_ref_prev: first };
    expect(sent()).toEqual([['all', ['delta', 2, [entryOf('ann', meta)], [first]]]]);
  });

  it('is 10,000 leaves in ten deltas', () => {
    const { presence, connect, tick, sent } = makeNode();
    connect();
    for (let i = 0; i < 10_000; i++) presence.track('n.1', 'lobby', `key ${i}`);
    tick();
    sent();
    presence.release('n.1');
    tick();
    expect(sent().map(([, message]) => (message as PresenceMessage & { 0: 'delta' })[3].length)).toEqual(
      Array.from({ length: 10 }, () => 1_000),
    );
  });

  it('is its version, with every heartbeat', () => {
    const { presence, connect, tick } = makeNode();
    const part = connect();
    expect(readPresence(part.beat!())).toEqual(['beat', 0]);
    presence.track('n.1', 'lobby', 'ann');
    expect(readPresence(part.beat!())).toEqual(['beat', 0]);
    tick();
    expect(readPresence(part.beat!())).toEqual(['beat', 1]);
  });

  it('is its state, to one that asks, the changes of the tick included', () => {
    const { presence, connect, tick, sent } = makeNode();
    const part = connect();
    for (const other of ['m', 'o', 'p']) part.nodeUp(other);
    presence.track('n.1', 'lobby', 'ann');
    tick();
    sent();
    presence.track('n.2', 'lobby', 'bob');
    say(part, 'm', ['pull']);
    say(part, 'm', ['pull']);
    tick();
    const [delta, state, ...others] = sent();
    expect(delta![1].slice(0, 2)).toEqual(['delta', 2]);
    expect(state).toEqual(['m', ['state', 2, 0, 1, [expect.anything(), expect.anything()]]]);
    expect(others).toEqual([]);
  });

  it('is its state to all, once, when more than half of them ask', () => {
    const { connect, tick, sent } = makeNode();
    const part = connect();
    for (const other of ['m', 'o', 'p']) part.nodeUp(other);
    sent();
    say(part, 'm', ['pull']);
    say(part, 'o', ['pull']);
    tick();
    expect(sent()).toEqual([['all', ['state', 0, 0, 1, []]]]);
  });

  it('goes in packets of at most about 64 KiB', () => {
    const { presence, connect, tick, sent } = makeNode();
    const part = connect();
    const meta = { fill: 'x'.repeat(30_000) };
    for (let i = 0; i < 5; i++) presence.track('n.1', 'lobby', `key ${i}`, meta);
    tick();
    const deltas = sent().map(([, message]) => message as PresenceMessage & { 0: 'delta' });
    expect(deltas.map(([, version, joins]) => [version, joins.length])).toEqual([
      [1, 2],
      [2, 2],
      [3, 1],
    ]);
    say(part, 'm', ['pull']);
    tick();
    const states = sent().map(([, message]) => message as PresenceMessage & { 0: 'state' });
    expect(states.map(([, version, part, parts, entries]) => [version, part, parts, entries.length])).toEqual(
      [
        [3, 0, 3, 2],
        [3, 1, 3, 2],
        [3, 2, 3, 1],
      ],
    );
  });

  it('is nothing of a meta that cannot be encoded or is too big: an error at track, and nothing has changed', () => {
    const { presence, connect, tick, sent, told } = makeNode();
    connect();
    const ref = presence.track('n.1', 'lobby', 'ann');
    tick();
    sent();
    told();
    expect(() => presence.track('n.1', 'lobby', 'ann', { call() {} })).toThrow('a function');
    expect(() => presence.update('n.1', 'lobby', 'ann', { fill: 'x'.repeat(65_536) })).toThrow(RangeError);
    expect(presence.list('lobby')).toEqual({ ann: { metas: [{ phx_ref: ref }] } });
    tick();
    expect([...sent(), ...told()]).toEqual([]);
  });

  it('is what was tracked before there were other nodes, but for what cannot be encoded, which is reported', () => {
    const { presence, connect, tick, sent, failures } = makeNode();
    presence.track('n.1', 'lobby', 'ann', { call() {} });
    presence.track('n.2', 'lobby', 'bob');
    const part = connect();
    part.nodeUp('m');
    expect(sent()).toEqual([['m', ['ask', 1]]]);
    say(part, 'm', ['pull']);
    tick();
    expect(sent()).toMatchObject([['all', ['state', 1, 0, 1, [['lobby', 'bob', {}]]]]]);
    expect(failures).toHaveLength(1);
  });

  it('leaves with the goodbye, not when the tick is over', () => {
    const { presence, connect, tick, sent } = makeNode();
    const part = connect();
    presence.track('n.1', 'lobby', 'ann');
    tick();
    sent();
    presence.release('n.1');
    part.stop!();
    expect(sent()).toMatchObject([['all', ['delta', 2, [], [expect.any(String)]]]]);
  });
});

describe('what a node learns of another', () => {
  it('is asked for as soon as the other is up', () => {
    const { presence, connect, tick, sent, told } = makeNode();
    const part = connect();
    part.nodeUp('m');
    expect(sent()).toEqual([['m', ['ask', 0]]]);
    say(part, 'm', ['digest', 5]);
    expect(sent()).toEqual([['m', ['pull']]]);
    say(part, 'm', ['state', 5, 0, 1, [entry('ann'), entry('bob')]]);
    expect(keysOf(presence)).toEqual(['ann', 'bob']);
    tick();
    expect(told()).toHaveLength(1);
    say(part, 'm', ['beat', 5]);
    expect(sent()).toEqual([]);
  });

  it('is told to one that asks', () => {
    const { connect, sent } = makeNode();
    const part = connect();
    say(part, 'm', ['ask', 0]);
    expect(sent()).toEqual([['m', ['digest', 0]]]);
  });

  it('comes by deltas, each once, in order', () => {
    const { presence, connect, sent } = makeNode();
    const part = connect();
    part.nodeUp('m');
    sent();
    say(part, 'm', ['delta', 1, [entry('ann')], []]);
    say(part, 'm', ['delta', 2, [entry('bob')], ['m:ann']]);
    say(part, 'm', ['delta', 1, [entry('ann')], []]);
    expect(keysOf(presence)).toEqual(['bob']);
    expect(sent()).toEqual([]);
  });

  it('is asked for when a delta is missing, once; the deltas behind it are applied with the state', () => {
    const { presence, connect, sent } = makeNode();
    const part = connect();
    part.nodeUp('m');
    sent();
    say(part, 'm', ['delta', 2, [entry('bob')], []]);
    say(part, 'm', ['delta', 3, [entry('cid')], ['m:ann']]);
    say(part, 'm', ['digest', 3]);
    expect(sent()).toEqual([['m', ['pull']]]);
    expect(keysOf(presence)).toEqual([]);
    say(part, 'm', ['state', 2, 0, 1, [entry('ann'), entry('bob')]]);
    expect(keysOf(presence)).toEqual(['bob', 'cid']);
  });

  it('is kept of no more than 256 deltas while the state is on its way; the heartbeat makes up for the rest', () => {
    const { presence, connect, sent } = makeNode();
    const part = connect();
    part.nodeUp('m');
    for (let version = 2; version <= 300; version++)
      say(part, 'm', ['delta', version, [entry(`${version}`)], []]);
    say(part, 'm', ['state', 43, 0, 1, [entry('state')]]);
    expect(keysOf(presence)).toEqual(['state']);
    sent();
    say(part, 'm', ['beat', 300]);
    expect(sent()).toEqual([['m', ['pull']]]);
    say(part, 'm', ['state', 44, 0, 1, [entry('state')]]);
    expect(keysOf(presence)).toHaveLength(1 + 256);
  });

  it('is asked for again with a heartbeat when nothing has come since the last one', () => {
    const { connect, sent } = makeNode();
    const part = connect();
    part.nodeUp('m');
    say(part, 'm', ['digest', 2]);
    sent();
    say(part, 'm', ['beat', 2]);
    expect(sent()).toEqual([['m', ['pull']]]);
    say(part, 'm', ['state', 2, 0, 2, []]);
    say(part, 'm', ['beat', 2]);
    expect(sent()).toEqual([]);
    say(part, 'm', ['beat', 2]);
    expect(sent()).toEqual([['m', ['pull']]]);
  });

  it('is not put together from parts of two states, nor taken back by an older one', () => {
    const { presence, connect } = makeNode();
    const part = connect();
    part.nodeUp('m');
    say(part, 'm', ['state', 4, 0, 2, [entry('ann')]]);
    say(part, 'm', ['state', 5, 1, 2, [entry('cid')]]);
    say(part, 'm', ['state', 4, 1, 2, [entry('bob')]]);
    expect(keysOf(presence)).toEqual([]);
    say(part, 'm', ['state', 5, 0, 2, [entry('bob')]]);
    expect(keysOf(presence)).toEqual(['bob', 'cid']);
    say(part, 'm', ['state', 4, 0, 1, [entry('ann')]]);
    expect(keysOf(presence)).toEqual(['bob', 'cid']);
  });

  it('changes by a state only in what is different', () => {
    const { presence, connect, tick, told } = makeNode();
    const part = connect();
    part.nodeUp('m');
    say(part, 'm', ['delta', 1, [entry('ann'), entry('bob')], []]);
    tick();
    told();
    say(part, 'm', ['state', 9, 0, 1, [entry('bob'), entry('cid')]]);
    tick();
    const [[, , { joins, leaves }]] = told() as [PresenceDiffInfo];
    expect([Object.keys(joins), Object.keys(leaves)]).toEqual([['cid'], ['ann']]);
    expect(keysOf(presence)).toEqual(['bob', 'cid']);
  });

  it('is gone when the other is down, 10,000 entries in one diff, and back when it is up again', () => {
    const { presence, connect, tick, sent, told } = makeNode();
    const part = connect();
    const many = Array.from({ length: 10_000 }, (_, i) => entry(`key ${i}`));
    part.nodeUp('m');
    say(part, 'm', ['delta', 1, many, []]);
    presence.track('n.1', 'lobby', 'ann');
    tick();
    told();
    part.nodeDown('m');
    tick();
    const diffs = told();
    expect(diffs).toHaveLength(1);
    expect(Object.keys(diffs[0]![2].leaves)).toHaveLength(10_000);
    expect(keysOf(presence)).toEqual(['ann']);
    sent();
    part.nodeUp('m');
    say(part, 'm', ['beat', 1]);
    expect(sent()).toEqual([
      ['m', ['ask', 1]],
      ['m', ['pull']],
    ]);
    say(part, 'm', ['state', 1, 0, 1, many]);
    expect(keysOf(presence)).toHaveLength(10_001);
  });

  it('is not told where the other was down for less than a tick and nobody has looked', () => {
    const { presence, connect, tick, told } = makeNode();
    const part = connect();
    part.nodeUp('m');
    say(part, 'm', ['delta', 1, [entry('ann')], []]);
    tick();
    told();
    part.nodeDown('m');
    part.nodeUp('m');
    say(part, 'm', ['state', 1, 0, 1, [entry('ann')]]);
    tick();
    expect(told()).toEqual([]);
    expect(keysOf(presence)).toEqual(['ann']);
  });

  it('is nothing while the other is not up', () => {
    const { presence, connect, sent } = makeNode();
    const part = connect();
    say(part, 'm', ['delta', 1, [entry('ann')], []]);
    say(part, 'm', ['state', 2, 0, 1, [entry('bob')]]);
    say(part, 'm', ['beat', 2]);
    expect(keysOf(presence)).toEqual([]);
    expect(sent()).toEqual([]);
  });

  it('is asked for at once when the broker is back, and so is everybody else', () => {
    const { presence, connect, sent } = makeNode();
    const part = connect();
    part.nodeUp('m');
    say(part, 'm', ['digest', 2]);
    sent();
    presence.track('n.1', 'lobby', 'ann');
    part.restored();
    expect(sent()).toMatchObject([
      ['all', ['delta', 1, [['lobby', 'ann', {}]], []]],
      ['all', ['ask', 1]],
    ]);
    say(part, 'm', ['digest', 2]);
    expect(sent()).toEqual([['m', ['pull']]]);
  });

  it('is the rest where one meta cannot be decoded, which is reported', () => {
    const { presence, connect, failures } = makeNode();
    const part = connect();
    part.nodeUp('m');
    say(part, 'm', [
      'delta',
      1,
      [['lobby', 'ann', Buffer.from('{')], ['lobby', 'cid', Buffer.from('7')], entry('bob')],
      [],
    ]);
    expect(keysOf(presence)).toEqual(['bob']);
    expect(failures).toHaveLength(2);
    say(part, 'm', ['delta', 2, [], ['m:ann']]);
    expect(keysOf(presence)).toEqual(['bob']);
  });

  it('is nothing of bytes that are no message: they throw, and nothing has changed', () => {
    const { presence, connect } = makeNode();
    const part = connect();
    part.nodeUp('m');
    const good = writePresence(['delta', 1, [entry('ann')], ['m:bob']]);
    for (let length = 0; length < good.length; length++)
      expect(() => part.receive('m', good.subarray(0, length))).toThrow();
    expect(() => part.receive('m', writePresence(['state', 1, 2, 2, []]))).toThrow(SyntaxError);
    expect(() => part.receive('m', Buffer.of(0, 1, 255, 255, 255, 255, 7))).toThrow(RangeError);
    expect(keysOf(presence)).toEqual([]);
  });

  it('is nothing of a kind that a later version has', () => {
    const { connect } = makeNode();
    expect(() => connect().receive('m', Buffer.of(99, 1, 2))).not.toThrow();
  });
});

function entryOf(key: string, meta: object): SentEntry {
  return ['lobby', key, Buffer.from(JSON.stringify(meta))];
}
