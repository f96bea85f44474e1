import { afterEach, describe, expect, it } from '@jest/globals';
import { eventsOf, unsubscribeAll } from '../../test/support/channel-log.js';
import { openConnection } from '../../test/support/fake-connection.js';
import { telemetry } from '../telemetry/events.js';
import { ping, text } from '../websock/message.js';
import { ok, push, stop } from '../websock/result.js';
import type { WebSock } from '../websock/websock.js';

const NONE = { messages: 0, bytes: 0 };
const NOTHING = { text: NONE, binary: NONE, ping: NONE, pong: NONE };

describe('traffic', () => {
  afterEach(unsubscribeAll);

  const echo: WebSock<any> = { handleIn: (message, state) => push(message, state) };

  it('counts messages and bytes of payload, in UTF-8, by opcode each way', () => {
    const { connection, say } = openConnection(echo);
    say('né 🍲');
    say('ok');
    connection.receiveMessage(['binary', Buffer.alloc(300)], 300);
    expect(connection.traffic).toEqual({
      received: { ...NOTHING, text: { messages: 2, bytes: 10 }, binary: { messages: 1, bytes: 300 } },
      sent: { ...NOTHING, text: { messages: 2, bytes: 10 }, binary: { messages: 1, bytes: 300 } },
    });
  });

  it('counts pings with the pongs that answer them, and our own heartbeat', async () => {
    const { connection, clock } = openConnection(
      { handleIn: (_message, state) => ok(state) },
      { timeout: 1_000, heartbeat: 400 },
    );
    connection.receiveControl(['ping', Buffer.from('abc')]);
    connection.receiveControl(['pong', Buffer.from('d')]);
    await clock.advance(500);
    expect(connection.traffic).toEqual({
      received: { ...NOTHING, ping: { messages: 1, bytes: 3 }, pong: { messages: 1, bytes: 1 } },
      sent: { ...NOTHING, ping: { messages: 1, bytes: 0 }, pong: { messages: 1, bytes: 3 } },
    });
  });

  it('counts what comes after the end is decided, and is never handled', () => {
    const { connection, say } = openConnection({ handleIn: (_message, state) => stop('normal', state) });
    say('one');
    say('two');
    expect(connection.traffic.received.text).toEqual({ messages: 2, bytes: 6 });
  });

  it('counts nothing that is not sent because the transport has gone', () => {
    const { connection, say } = openConnection({
      handleIn: (_message, state) => {
        connection.transportClosed();
        return push([text('a'), ping()], state);
      },
    });
    say('x');
    expect(connection.traffic.sent).toEqual(NOTHING);
  });

  it('is live in the event of the start, and whole in that of the stop', async () => {
    const starts = eventsOf(telemetry.connectionStart);
    const stops = eventsOf(telemetry.connectionStop);
    const { connection, say, clock } = openConnection(echo);
    const { app, ref } = connection;
    expect(starts).toMatchObject([{ app, ref, handler: 'WebSock', path: '/rooms/1', protocol: 'chat.v1' }]);
    expect(starts[0]!.traffic).toEqual({ received: NOTHING, sent: NOTHING });
    say('x');
    expect(starts[0]!.traffic.received.text).toEqual({ messages: 1, bytes: 1 });
    await clock.advance(250);
    connection.receiveClose(1000, Buffer.alloc(0));
    expect(stops).toEqual([]);
    connection.transportClosed();
    expect(stops).toEqual([
      {
        app,
        ref,
        handler: 'WebSock',
        reason: 'remote',
        error: undefined,
        facts: { code: 1000, reason: '', initiator: 'client' },
        duration: 250,
        droppedMessages: 0,
        droppedInfo: 0,
        traffic: starts[0]!.traffic,
      },
    ]);
    expect(JSON.stringify([starts, stops])).not.toContain('secret');
  });

  it('is there with zeros of a connection that has received and sent nothing, with the error it ended by', () => {
    const stops = eventsOf(telemetry.connectionStop);
    const error = new Error('no');
    const { connection } = openConnection({
      init: () => {
        throw error;
      },
    });
    connection.transportClosed();
    expect(stops).toMatchObject([
      { error, reason: ['error', error], traffic: { received: NOTHING, sent: NOTHING } },
    ]);
  });
});
