import { constants, deflateRawSync } from 'node:zlib';
import { binary, ok, push, text, type WebSock } from '../../src/core.js';
import { encodeFrame, OPCODE } from '../support/frames.js';
import { serve, stopHosts, upgradeAll, type Decide, type Host } from '../support/host.js';
import { Gate, Log } from '../support/log.js';
import { RawClient, requestBytes } from '../support/raw-client.js';
import { settled } from '../support/timing.js';

afterEach(stopHosts);

const echo: WebSock<number> = {
  init: () => ok(0),
  handleIn: (message, n) => push(message, n + 1),
};

type Vanish = (client: RawClient) => void;
const ways: [string, Vanish][] = [
  ['RST', (client) => client.reset()],
  ['FIN', (client) => client.end()],
];

const CLOSED = { reason: ['error', 'closed'], facts: { code: 1006, reason: '', initiator: 'transport' } };

/** Nothing of any connection is left, and `terminate` ran so many times. */
async function expectNothingLeft(host: Host, terminated: number): Promise<void> {
  await settled(() => host.tcpConnections, 50);
  expect(host.tcpConnections).toBe(0);
  expect(host.websockets.connections.list()).toEqual([]);
  const begin = performance.now();
  await host.websockets.close();
  expect(performance.now() - begin).toBeLessThan(100);
  expect(host.ended.all).toHaveLength(terminated);
}

describe.each(ways)('a client that vanishes by %s', (way, vanish) => {
  it('while it is idle', async () => {
    const host = await serve(echo);
    const client = await host.open();
    client.text('a');
    await client.nextText();
    vanish(client);
    expect(await host.ended.next()).toMatchObject({ ...CLOSED, state: 1 });
    client.destroy();
    await expectNothingLeft(host, 1);
  });

  it.each([
    ['a header', { opcode: OPCODE.binary, payload: '', claimedLength: 70_000, mask: false }, 2],
    ['a payload', { opcode: OPCODE.binary, payload: 'half', claimedLength: 70_000 }, 100],
    ['fragments', { fin: false, opcode: OPCODE.text, payload: 'first' }, 100],
  ])('amid %s', async (_, frame, bytes) => {
    const host = await serve(echo);
    const client = await host.open();
    client.text('a');
    client.write(encodeFrame({ ...frame, mask: true }).subarray(0, bytes));
    client.ping();
    await client.nextText();
    vanish(client);
    expect(await host.ended.next()).toMatchObject({ ...CLOSED, state: 1 });
    client.destroy();
    await expectNothingLeft(host, 1);
  });

  it('while the app decides on the upgrade', async () => {
    const [asked, decide, decided] = [new Log<void>(), new Gate(), new Log<unknown>()];
    const slowly: Decide = async (request, response, websock) => {
      asked.add();
      await decide.passed;
      try {
        upgradeAll(request, response, websock);
        decided.add('quietly');
      } catch (error) {
        decided.add(error);
        response.end();
      }
    };
    const host = await serve(echo, {}, slowly);
    const client = await RawClient.dial(host.port);
    client.write(requestBytes());
    await asked.next();
    vanish(client);
    await settled(() => host.tcpConnections, 30);
    decide.open();
    expect(await decided.next()).toBe('quietly');
    client.destroy();
    await expectNothingLeft(host, 0);
  });

  const initGate = new Log<Gate>();
  const slowInit: WebSock<string[]> = {
    async init() {
      const gate = new Gate();
      initGate.add(gate);
      await gate.passed;
      return push(text('ready'), ['init']);
    },
    handleIn: ([, data], state) => ok([...state, data.toString()]),
  };

  it('during init: its result is applied, what came before is handled, then terminate', async () => {
    const host = await serve(slowInit);
    const client = await host.open();
    const gate = await initGate.next();
    client.text('a');
    client.text('b');
    await settled(() => host.bytesRead, 30);
    vanish(client);
    await settled(() => host.tcpConnections, 30);
    gate.open();
    expect(await host.ended.next()).toMatchObject({ ...CLOSED, state: ['init', 'a', 'b'] });
    client.destroy();
    await expectNothingLeft(host, 1);
  });

  it('while a callback runs: its result is applied, what came before is handled', async () => {
    const [started, gate] = [new Log<void>(), new Gate()];
    const handleIn: WebSock<number>['handleIn'] = async (message, n) => {
      started.add();
      await gate.passed;
      return push(message, n + 1);
    };
    const host = await serve({ ...echo, handleIn });
    const client = await host.open();
    for (const payload of ['a', 'b', 'c']) client.text(payload);
    await started.next();
    await settled(() => host.bytesRead, 30);
    vanish(client);
    await settled(() => host.tcpConnections, 30);
    expect(host.ended.all).toEqual([]);
    gate.open();
    expect(await host.ended.next()).toMatchObject({ ...CLOSED, state: 3 });
    client.destroy();
    await expectNothingLeft(host, 1);
  });

  it('behind compressed messages: they are handled', async () => {
    const deflated = deflateRawSync('compressed', { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
    const host = await serve(echo, { compress: true });
    const client = await host.open({ headers: { 'Sec-WebSocket-Extensions': 'permessage-deflate' } });
    for (let i = 0; i < 20; i++) client.send({ opcode: OPCODE.text, rsv: 4, payload: deflated });
    await client.nextText();
    await settled(() => host.bytesRead, 30);
    vanish(client);
    expect(await host.ended.next()).toMatchObject({ ...CLOSED, state: 20 });
    client.destroy();
    await expectNothingLeft(host, 1);
  });

  it('during terminate', async () => {
    const gate = new Gate();
    const host = await serve({ ...echo, terminate: () => gate.passed });
    const client = await host.open();
    client.close(4000, 'bye');
    await host.ended.next();
    vanish(client);
    await settled(() => host.tcpConnections, 30);
    gate.open();
    client.destroy();
    await expectNothingLeft(host, 1);
    expect(host.ended.all[0]).toMatchObject({ reason: 'remote', facts: { code: 4000, reason: 'bye' } });
  });

  it('instead of answering the close frame', async () => {
    const host = await serve({ handleIn: (_message, state) => ['stop', 'normal', state] });
    const client = await host.open();
    client.text('a');
    expect((await client.nextClose()).code).toBe(1000);
    vanish(client);
    await client.until(() => host.tcpConnections === 0, 1_000);
    client.destroy();
    await expectNothingLeft(host, 1);
    expect(host.ended.all[0]!.reason).toBe('normal');
  });

  it('while it is being written to', async () => {
    const flood: WebSock = {
      handleIn: (_message, state) =>
        push(
          Array.from({ length: 1_000 }, () => binary(Buffer.alloc(65_536))),
          state,
        ),
    };
    const host = await serve(flood, { sendTimeout: 300 });
    const client = await host.open();
    client.socket.pause();
    client.text('go');
    await settled(() => host.bytesWritten, 50);
    vanish(client);
    const { reason } = await host.ended.next();
    // While reading is paused a FIN is not noticed; that the client takes nothing is.
    expect(reason).toEqual(['error', way === 'RST' ? 'closed' : 'send_timeout']);
    client.destroy();
    await expectNothingLeft(host, 1);
  });
});
