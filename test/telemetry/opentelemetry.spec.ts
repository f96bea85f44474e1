import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { ok, push, stop, text, type WebSock } from 'nestjs-websock/core';
import {
  openTelemetry,
  type OpenTelemetryBridge,
  type OpenTelemetryOptions,
} from 'nestjs-websock/opentelemetry';
import { callbackTracing, telemetry } from 'nestjs-websock/telemetry';
import { settled } from '../support/fake-clock.js';
import { openConnection } from '../support/fake-connection.js';
import { serve, stopHosts, upgradeAll } from '../support/host.js';
import { Otel, type Point } from '../support/otel.js';

let otel: Otel;
let bridge: OpenTelemetryBridge | undefined;

function start(options: OpenTelemetryOptions = {}): OpenTelemetryBridge {
  const { tracerProvider, meterProvider } = otel;
  return (bridge = openTelemetry({ tracerProvider, meterProvider, ...options }));
}

beforeEach(() => {
  otel = new Otel();
});
afterEach(async () => {
  await stopHosts();
  bridge?.stop();
  await otel.shutdown();
});

/** The value of the only point with these attributes, or with more. */
function valueOf(points: Point[] | undefined, attributes: object): number | undefined {
  const found = (points ?? []).filter((point) =>
    Object.entries(attributes).every(([name, value]) => point.attributes[name] === value),
  );
  expect(found.length).toBeLessThanOrEqual(1);
  return found[0]?.value;
}

class Room {
  handleIn([, data]: [string, string], state: unknown) {
    if (data === 'throw') throw new TypeError('out of order');
    return data === 'stop' ? stop('normal', [4000, 'enough'], state) : push(text(`${data}!`), state);
  }
}
const room = new Room() as WebSock<any, any, any>;

describe('the span of a connection', () => {
  it('has kind, facts, counts and close of the connection', () => {
    start();
    const { connection, say } = openConnection(room);
    say('né');
    say('stop');
    connection.transportClosed();
    const span = otel.span('WebSocket Room');
    expect(span.kind).toBe(SpanKind.SERVER);
    expect(span.status.code).toBe(SpanStatusCode.UNSET);
    expect(span.attributes).toEqual({
      'network.protocol.name': 'websocket',
      'url.path': '/rooms/1',
      'websocket.handler': 'Room',
      'websocket.ref': connection.ref,
      'websocket.subprotocol': 'chat.v1',
      'websocket.end': 'normal',
      'websocket.close.code': 4000,
      'websocket.close.reason': 'enough',
      'websocket.close.initiator': 'server',
      'websocket.received.text.messages': 2,
      'websocket.received.text.bytes': 7,
      'websocket.sent.text.messages': 1,
      'websocket.sent.text.bytes': 4,
    });
  });

  it('has the error that ended the connection', () => {
    start();
    const { connection, say } = openConnection(room);
    say('throw');
    connection.transportClosed();
    const span = otel.span('WebSocket Room');
    expect(span.status).toEqual({ code: SpanStatusCode.ERROR, message: 'out of order' });
    expect(span.attributes).toMatchObject({ 'websocket.end': 'error', 'error.type': 'TypeError' });
    expect(span.events).toMatchObject([{ name: 'exception' }]);
  });

  it('has no error status when the client just goes', () => {
    start();
    openConnection(room).connection.transportClosed();
    const span = otel.span('WebSocket Room');
    expect(span.status.code).toBe(SpanStatusCode.UNSET);
    expect(span.attributes).toMatchObject({ 'websocket.end': 'error', 'error.type': 'closed' });
  });

  it('is the root of a trace of its own, linked to the span of the upgrade', async () => {
    start();
    const leave: WebSock = { handleIn: (_message, state) => stop('normal', state) };
    const host = await serve(leave, {}, (...upgradeRequest) =>
      trace.getTracer('app').startActiveSpan('GET /rooms', (span) => {
        upgradeAll(...upgradeRequest);
        span.end();
      }),
    );
    const client = await host.open();
    client.text('x');
    await client.nextClose();
    client.close(1000);
    client.end();
    await client.ended();
    await host.websockets.close();
    const asked = otel.span('GET /rooms');
    const connection = otel.span('WebSocket WebSock');
    expect(connection.parentSpanContext).toBeUndefined();
    expect(connection.links.map((link) => link.context.spanId)).toEqual([asked.spanContext().spanId]);
    expect(connection.spanContext().traceId).not.toBe(asked.spanContext().traceId);
  });
});

describe('the spans of callbacks', () => {
  const query = () => trace.getTracer('db').startSpan('query').end();

  it('are made only when asked for', () => {
    start();
    expect(callbackTracing.hasSubscribers).toBe(false);
    openConnection(room).say('x');
    expect(otel.spans).toEqual([]);
  });

  it('are children of the connection, and current in the callback, after an await and in a generator', async () => {
    start({ callbacks: true });
    class Busy {
      init() {
        query();
        return ok(0);
      }
      async handleIn(_message: unknown, state: unknown) {
        await new Promise((resolve) => setImmediate(resolve));
        query();
        return ok(state);
      }
      async *handleInfo(_message: unknown, state: unknown) {
        yield ok(state);
        await Promise.resolve();
        query();
      }
      terminate() {
        query();
      }
    }
    const { connection, say } = openConnection(new Busy() as WebSock<any, any, any>);
    say('x');
    await settled();
    await settled();
    connection.sendInfo('x');
    await settled();
    connection.transportClosed();
    const whole = otel.span('WebSocket Busy');
    const callbacks = otel.spans.filter(({ name }) => name.startsWith('Busy.'));
    expect(callbacks.map(({ name }) => name)).toEqual([
      'Busy.init',
      'Busy.handleIn',
      'Busy.handleInfo',
      'Busy.terminate',
    ]);
    expect(callbacks[1]!.attributes).toEqual({
      'websocket.handler': 'Busy',
      'websocket.callback': 'handleIn',
    });
    for (const { parentSpanContext } of callbacks)
      expect(parentSpanContext?.spanId).toBe(whole.spanContext().spanId);
    const queries = otel.spans.filter(({ name }) => name === 'query');
    expect(queries.map(({ parentSpanContext }) => parentSpanContext?.spanId)).toEqual(
      callbacks.map((span) => span.spanContext().spanId),
    );
  });

  it('have the error that was thrown, but none for work that was called off', async () => {
    start({ callbacks: true });
    const failing = openConnection({ handleIn: () => Promise.reject(new TypeError('bad')) });
    failing.say('x');
    const calledOff = openConnection({
      handleIn: (_message, _state, { signal }) =>
        new Promise((_resolve, reject) =>
          signal.addEventListener('abort', () => reject(signal.reason as Error)),
        ),
    });
    calledOff.say('x');
    calledOff.connection.transportClosed();
    await settled();
    const [bad, off] = otel.spans.filter(({ name }) => name === 'WebSock.handleIn');
    expect(bad!.status).toEqual({ code: SpanStatusCode.ERROR, message: 'bad' });
    expect(bad!.attributes).toMatchObject({ 'error.type': 'TypeError' });
    expect(off!.status.code).toBe(SpanStatusCode.UNSET);
  });

  it('end with their connection where the callback was given up', async () => {
    start({ callbacks: true });
    const { connection, say, clock } = openConnection(
      { handleIn: () => new Promise(() => {}) },
      { terminateTimeout: 10 },
    );
    say('x');
    connection.transportClosed();
    expect(otel.spans).toEqual([]);
    await clock.advance(10);
    expect(otel.span('WebSock.handleIn').status).toEqual({ code: SpanStatusCode.ERROR, message: 'given up' });
    expect(otel.spans).toHaveLength(2);
  });
});

describe('metrics', () => {
  const text = { 'websocket.opcode': 'text' };
  const received = { ...text, 'network.io.direction': 'receive' };
  const sent = { ...text, 'network.io.direction': 'transmit' };

  it('count the messages of connections that are open and of those that have ended, each once', async () => {
    start();
    const first = openConnection(room);
    const second = openConnection(room);
    first.say('né');
    second.say('x');
    const open = await otel.metrics();
    expect(valueOf(open['websocket.server.active_connections'], { 'websocket.handler': 'Room' })).toBe(2);
    expect(valueOf(open['websocket.server.messages'], received)).toBe(2);
    expect(valueOf(open['websocket.server.io'], received)).toBe(4);
    expect(valueOf(open['websocket.server.io'], sent)).toBe(6);
    first.connection.transportClosed();
    second.say('y');
    const later = await otel.metrics();
    expect(valueOf(later['websocket.server.active_connections'], {})).toBe(1);
    expect(valueOf(later['websocket.server.messages'], received)).toBe(3);
    expect(valueOf(later['websocket.server.io'], received)).toBe(5);
    expect(valueOf(later['websocket.server.connection.duration'], { 'websocket.close.code': 1006 })).toBe(1);
  });

  it('count faults', async () => {
    start();
    const { connection, say, clock } = openConnection(
      { handleIn: () => new Promise(() => {}) },
      { slowCallback: 100, terminateTimeout: 1_000 },
    );
    say('x');
    await clock.advance(200);
    connection.sendInfo('waits');
    connection.transportClosed();
    await clock.advance(1_000);
    openConnection(room).say('throw');
    telemetry.upgradeRefused.publish({
      app: 'a',
      status: 403,
      code: 'WEBSOCK_UPGRADE_ORIGIN',
      message: 'no',
    });
    const metrics = await otel.metrics();
    const method = { 'websocket.method': 'WebSock.handleIn' };
    expect(valueOf(metrics['websocket.server.callback.slow'], method)).toBe(1);
    expect(valueOf(metrics['websocket.server.callback.overruns'], method)).toBe(1);
    expect(valueOf(metrics['websocket.server.callback.errors'], { 'error.type': 'TypeError' })).toBe(1);
    expect(valueOf(metrics['websocket.server.dropped_messages'], { 'websocket.dropped': 'info' })).toBe(1);
    expect(valueOf(metrics['websocket.server.refused_upgrades'], { 'http.response.status_code': 403 })).toBe(
      1,
    );
  });
});

describe('stop()', () => {
  it('ends what is open, and leaves nobody listening', async () => {
    // The channels are the process's: another file's subscribers may be left.
    const listening = () =>
      [callbackTracing, ...Object.values(telemetry)].map((channel) => channel.hasSubscribers);
    const before = listening();
    const open = openConnection(room);
    start({ callbacks: true }).stop();
    expect(listening()).toEqual(before);

    start({ callbacks: true });
    openConnection(room).connection.transportClosed();
    const { say } = openConnection({ handleIn: () => new Promise(() => {}) });
    say('x');
    bridge!.stop();
    const names = ['WebSock.handleIn', 'WebSocket Room', 'WebSocket WebSock'];
    expect(otel.spans.map(({ name }) => name).sort()).toEqual(names);
    open.connection.transportClosed();
    openConnection(room);
    const metrics = await otel.metrics();
    expect(metrics['websocket.server.active_connections']).toMatchObject([{ value: 0 }, { value: 0 }]);
    expect(metrics['websocket.server.messages']).toBeUndefined();
    expect(otel.spans).toHaveLength(3);
  });
});

describe('a connection that was open before', () => {
  it('is told of neither by spans nor by metrics', async () => {
    const { connection, say } = openConnection(room);
    start({ callbacks: true });
    say('x');
    connection.transportClosed();
    expect(otel.spans).toEqual([]);
    expect(Object.keys(await otel.metrics())).toEqual([]);
  });
});
