import { AsyncLocalStorage } from 'node:async_hooks';
import { afterEach, describe, expect, it } from '@jest/globals';
import { eventsOf, unsubscribeAll } from '../../test/support/channel-log.js';
import { settled } from '../../test/support/fake-clock.js';
import { fakeApp, openConnection } from '../../test/support/fake-connection.js';
import { telemetry } from '../telemetry/events.js';
import type { CancelMonitor, ConnectionRef } from '../websock/connection.js';
import { UnknownRefError } from '../websock/errors.js';
import { text } from '../websock/message.js';
import { ok, push, stop } from '../websock/result.js';
import type { WebSock } from '../websock/websock.js';
import type { Elsewhere } from './elsewhere.js';
import type { Down } from './monitors.js';

afterEach(unsubscribeAll);

const NOTHING = Buffer.alloc(0);

/** Pushes its info, as JSON. */
const telling: WebSock<any, any, any> = {
  handleInfo: (message) => push(text(JSON.stringify(message)), 0),
};

/** A connection that watches, and what it has been told. */
function openWatcher(app = fakeApp()) {
  const watcher = openConnection(telling, {}, app);
  const told = () => watcher.log.map((line) => JSON.parse(line.slice('text:'.length)) as unknown);
  return { ...watcher, told };
}

describe('connection.monitor', () => {
  it('tells once that another connection has ended, when its terminate is done and before its close frame', async () => {
    const { app, connection, told } = openWatcher();
    let terminated = () => {};
    const other = openConnection(
      { terminate: () => new Promise<void>((resolve) => (terminated = resolve)) },
      {},
      app,
    );
    connection.monitor(other.connection.ref);
    other.connection.receiveClose(1000, NOTHING);
    await settled();
    expect(told()).toEqual([]);
    terminated();
    await settled();
    expect(told()).toEqual([['down', other.connection.ref, 'remote']]);
    expect(other.log).toEqual(['close:1000:']);
    other.transport.listener.transportClosed();
    await settled();
    expect(told()).toHaveLength(1);
  });

  type Opened = ReturnType<typeof openConnection>;
  const failing = (error: unknown): WebSock<any> => ({
    handleIn() {
      throw error;
    },
  });
  const saying = ({ say }: Opened) => say('x');

  it.each<[string, WebSock<any>, (other: Opened) => void, unknown]>([
    ['a normal stop', { handleIn: () => stop('normal', 0) }, saying, 'normal'],
    ['a stop for a reason', { handleIn: () => stop({ code: 7 }, 0) }, saying, ['error', { code: 7 }]],
    ['an error, by its message', failing(new TypeError('broken')), saying, ['error', 'broken']],
    ['no error that was thrown', failing('words'), saying, ['error', 'words']],
    [
      'a client that vanishes',
      telling,
      ({ transport }) => transport.listener.transportClosed(),
      ['error', 'closed'],
    ],
    ['a shutdown', telling, ({ connection }) => connection.shutDown(1012), 'shutdown'],
    [
      'being cut off while terminate hangs',
      { terminate: () => new Promise(() => {}) },
      ({ connection }) => connection.destroy(1012),
      'shutdown',
    ],
  ])('gives the reason as terminate gets it: %s', async (_, websock, end, reason) => {
    const { app, connection, told } = openWatcher();
    const other = openConnection(websock, {}, app);
    connection.monitor(other.connection.ref);
    end(other);
    await settled();
    expect(told()).toEqual([['down', other.connection.ref, reason]]);
  });

  it('tells when terminate overruns', async () => {
    const { app, connection, told } = openWatcher();
    const other = openConnection({ terminate: () => new Promise(() => {}) }, { terminateTimeout: 50 }, app);
    connection.monitor(other.connection.ref);
    other.connection.receiveClose(1000, NOTHING);
    await app.clock.advance(49);
    expect(told()).toEqual([]);
    await app.clock.advance(1);
    expect(told()).toEqual([['down', other.connection.ref, 'remote']]);
  });

  it('tells when init crashes, which has no terminate', async () => {
    const { app, connection, told } = openWatcher();
    const other = openConnection({ init: () => Promise.reject(new Error('no')) }, {}, app);
    connection.monitor(other.connection.ref);
    await settled();
    expect(told()).toEqual([['down', other.connection.ref, ['error', 'no']]]);
  });

  it("gives 'noproc' at once, in its place among what waits, for a reference that names nobody", async () => {
    const { connection, told } = openWatcher();
    connection.sendInfo('before');
    connection.monitor('nobody.1');
    connection.sendInfo('after');
    await settled();
    expect(told()).toEqual(['before', ['down', 'nobody.1', 'noproc'], 'after']);
  });

  it('waits for the reason while terminate still runs, though the reference is dead already', async () => {
    const { app, connection, told } = openWatcher();
    let terminated = () => {};
    const other = openConnection(
      { terminate: () => new Promise<void>((resolve) => (terminated = resolve)) },
      {},
      app,
    );
    other.connection.receiveClose(1000, NOTHING);
    connection.monitor(other.connection.ref);
    await settled();
    expect(told()).toEqual([]);
    terminated();
    await settled();
    connection.monitor(other.connection.ref);
    await settled();
    expect(told().map((info) => (info as unknown[])[2])).toEqual(['remote', 'noproc']);
  });

  it('tells once for each monitor, and nothing for one that was ended', async () => {
    const { app, connection, told } = openWatcher();
    const other = openConnection(telling, {}, app);
    const { ref } = other.connection;
    const [, cancel] = [connection.monitor(ref), connection.monitor(ref), connection.monitor(ref)];
    cancel();
    cancel();
    other.transport.listener.transportClosed();
    await settled();
    expect(told()).toEqual(Array(2).fill(['down', ref, ['error', 'closed']]));
  });

  it('ends with the one that watches, and is not begun after its end', async () => {
    const { app, connection } = openWatcher();
    const cancelled: string[] = [];
    let down: Down = () => {};
    app.registry.elsewhere = watching((ref, told) => {
      down = told;
      return () => cancelled.push(ref);
    });
    connection.monitor('other.1');
    connection.receiveClose(1000, NOTHING);
    connection.monitor('other.2');
    expect(cancelled).toEqual(['other.1']);
    down('noconnection');
  });

  it('refuses a reference that is none', () => {
    const { connection } = openWatcher();
    expect(() => connection.monitor(undefined as unknown as ConnectionRef)).toThrow(
      new TypeError('monitor: a reference is a string, not undefined'),
    );
  });
});

describe('Connections.monitor', () => {
  const store = new AsyncLocalStorage<string>();

  it('calls a function once, from a microtask, in the async context of the call', async () => {
    const { connections, ...app } = fakeApp();
    const { connection, transport } = openConnection(telling, {}, { connections, ...app });
    const calls: unknown[] = [];
    store.run('service', () =>
      connections.monitor(connection.ref, (reason) => calls.push([store.getStore(), reason])),
    );
    store.run('elsewhere', () => transport.listener.transportClosed());
    expect(calls).toEqual([]);
    await settled();
    expect(calls).toEqual([['service', ['error', 'closed']]]);
  });

  it("gives 'noproc' soon, never within the call", async () => {
    const { connections } = fakeApp();
    const calls: unknown[] = [];
    connections.monitor('nobody.1', (reason) => calls.push(reason));
    expect(calls).toEqual([]);
    await settled();
    expect(calls).toEqual(['noproc']);
  });

  it('does not call what was cancelled, not even on its way', async () => {
    const { connections } = fakeApp();
    const calls: unknown[] = [];
    connections.monitor('nobody.1', (reason) => calls.push(reason))();
    await settled();
    expect(calls).toEqual([]);
  });

  it.each([
    ['throws', () => Promise.reject(new Error('down with it'))],
    [
      'rejects',
      () => {
        throw new Error('down with it');
      },
    ],
  ])('reports a function that %s', async (_, down) => {
    const errors = eventsOf(telemetry.listenerError);
    const { connections, registry } = fakeApp();
    connections.monitor('nobody.1', down);
    await settled();
    const error = new Error('down with it');
    expect(errors).toEqual([
      { app: registry.app, listener: 'monitor', topic: undefined, ref: 'nobody.1', error },
    ]);
  });

  it('refuses what is no function', () => {
    const { connections } = fakeApp();
    expect(() => connections.monitor('nobody.1', undefined as unknown as () => void)).toThrow(TypeError);
  });
});

/** Other nodes, of which only monitors are asked. */
function watching(monitor: Elsewhere['monitor']): Elsewhere {
  return { monitor, sendInfo() {}, sendInfoAfter: () => () => {}, call: () => Promise.resolve() };
}

describe('a reference of another node', () => {
  it('goes to the cluster, by every way', async () => {
    const { app, connection, told } = openWatcher();
    const { connections, registry } = app;
    const asked: unknown[] = [];
    const downs: Down[] = [];
    registry.elsewhere = {
      sendInfo: (...args) => asked.push(['sendInfo', ...args]),
      sendInfoAfter(...args) {
        asked.push(['sendInfoAfter', ...args]);
        return () => asked.push(['cancel sendInfoAfter']);
      },
      call: async (...args) => (asked.push(['call', ...args]), 'term'),
      monitor(ref, down): CancelMonitor {
        asked.push(['monitor', ref]);
        downs.push(down);
        return () => asked.push(['cancel', ref]);
      },
    };
    connections.sendInfo('node.1', 'a');
    connections.sendInfoAfter('node.1', 10, 'b');
    connections.sendInfoAfter('node.1', 20, 'never')();
    await expect(connections.call('node.1', 'c', { timeout: 7 })).resolves.toBe('term');
    connection.monitor('node.1');
    connections.monitor('node.2', () => {})();
    expect(asked).toEqual([
      ['sendInfo', 'node.1', 'a'],
      ['sendInfoAfter', 'node.1', 10, 'b'],
      ['sendInfoAfter', 'node.1', 20, 'never'],
      ['cancel sendInfoAfter'],
      ['call', 'node.1', 'c', 7],
      ['monitor', 'node.1'],
      ['monitor', 'node.2'],
      ['cancel', 'node.2'],
    ]);
    downs[0]!('noconnection');
    downs[0]!('noconnection');
    await settled();
    expect(told()).toEqual([['down', 'node.1', 'noconnection']]);
  });

  /** Sends and calls `ref`, which names nobody. */
  async function expectNobody({ connections, clock }: ReturnType<typeof fakeApp>, ref: ConnectionRef) {
    connections.sendInfo(ref, 'a');
    connections.sendInfoAfter(ref, 10, 'b');
    await clock.advance(10);
    await expect(connections.call(ref, 'c')).rejects.toBeInstanceOf(UnknownRefError);
  }

  it('names nobody where there is no cluster', () => expectNobody(fakeApp(), 'node.1'));

  it('is never one that begins with the name of this node, or that is no string', async () => {
    const app = fakeApp();
    const refuse = (): never => {
      throw new Error('not for other nodes');
    };
    app.registry.elsewhere = { sendInfo: refuse, sendInfoAfter: refuse, call: refuse, monitor: refuse };
    await expectNobody(app, `${app.registry.app}.zz`);
    await expectNobody(app, undefined as unknown as ConnectionRef);
  });
});

it('tells nothing to a connection that watches itself', async () => {
  const { connection, log } = openConnection({
    ...telling,
    init: (_argument, self) => {
      self.monitor(self.ref);
      return ok(0);
    },
  });
  connection.receiveClose(1000, NOTHING);
  await settled();
  expect(log).toEqual(['close:1000:']);
});
