import { binary, ok, ping, pong, push, text, type Messages, type WebSock } from '../../src/core.js';
import { OPCODE } from '../support/frames.js';
import { serve, stopHosts } from '../support/host.js';
import { Gate } from '../support/log.js';

afterEach(stopHosts);

describe('sending data (§6.1)', () => {
  const pushes = (messages: Messages): WebSock => ({ handleIn: (_message, state) => push(messages, state) });

  it.each<[string, Messages, number, Buffer]>([
    ['text', text('grüße 🎈'), OPCODE.text, Buffer.from('grüße 🎈')],
    ['text given as bytes', text(Buffer.from('grüße')), OPCODE.text, Buffer.from('grüße')],
    ['text of nothing', text(null), OPCODE.text, Buffer.alloc(0)],
    [
      'text in nested pieces',
      text(['a', [Buffer.from('b'), ['c', null]], '']),
      OPCODE.text,
      Buffer.from('abc'),
    ],
    [
      'text cut within a character',
      text([Buffer.of(0xf0, 0x9f), Buffer.of(0x8e, 0x88)]),
      OPCODE.text,
      Buffer.from('🎈'),
    ],
    ['text cut within a surrogate pair', text(['\ud83c', '\udf88']), OPCODE.text, Buffer.from('🎈')],
    ['binary', binary(Buffer.of(0, 255)), OPCODE.binary, Buffer.of(0, 255)],
    ['binary given as text', binary('ü'), OPCODE.binary, Buffer.from('ü')],
    ['binary of another view', binary(new Uint8Array([1, 2, 3]).subarray(1)), OPCODE.binary, Buffer.of(2, 3)],
    ['a ping', ping('are you there?'), OPCODE.ping, Buffer.from('are you there?')],
    ['a ping of nothing', ping(), OPCODE.ping, Buffer.alloc(0)],
    ['a pong', pong(Buffer.alloc(125)), OPCODE.pong, Buffer.alloc(125)],
  ])('sends one whole frame: %s', async (_, messages, opcode, payload) => {
    const client = await (await serve(pushes(messages))).open();
    client.text('go');
    expect(await client.nextFrame()).toEqual({ fin: true, rsv: 0, opcode, masked: false, payload });
  });

  const inits: WebSock = {
    init: () => push([text('first'), text('second')], 0),
    handleIn: (_message, state) => push([text('third'), ping('p'), text('fourth')], state),
  };

  it('keeps the order, within a list and over callbacks', async () => {
    const client = await (await serve(inits)).open();
    client.text('go');
    client.text('go');
    const received = [];
    for (let i = 0; i < 8; i++) received.push((await client.nextFrame()).payload.toString());
    expect(received).toEqual(['first', 'second', 'third', 'p', 'fourth', 'third', 'p', 'fourth']);
  });
});

describe('receiving data (§6.2)', () => {
  const gate = new Gate();
  const order: string[] = [];
  const serial: WebSock = {
    async handleIn([, data], state) {
      order.push(`>${data}`);
      if (data === 'a') await gate.passed;
      order.push(`<${data}`);
      return push(text(data), state);
    },
  };

  it('handles messages one at a time, in the order of the wire', async () => {
    const client = await (await serve(serial)).open();
    for (const payload of ['a', 'b', 'c']) client.text(payload);
    client.ping();
    await client.nextFrame();
    expect(order).toEqual(['>a']);
    gate.open();
    for (const payload of ['a', 'b', 'c']) expect(await client.nextText()).toBe(payload);
    expect(order).toEqual(['>a', '<a', '>b', '<b', '>c', '<c']);
  });

  const counts: WebSock<{ n: number }> = {
    init: () => ok({ n: 0 }),
    handleIn: (_message, { n }) => push(text(String(n)), { n: n + 1 }),
  };

  it('handles many messages of one packet', async () => {
    const client = await (await serve(counts)).open();
    client.send(...Array.from({ length: 1_000 }, () => ({ opcode: OPCODE.text, payload: 'x' })));
    for (let i = 0; i < 1_000; i++) expect(await client.nextText()).toBe(String(i));
  });

  it('keeps connections apart', async () => {
    const host = await serve(counts);
    const [a, b] = [await host.open(), await host.open()];
    a.text('x');
    a.text('x');
    b.text('x');
    expect([await a.nextText(), await a.nextText(), await b.nextText()]).toEqual(['0', '1', '0']);
  });
});
