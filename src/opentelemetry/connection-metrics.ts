import type { Attributes, BatchObservableCallback, Meter } from '@opentelemetry/api';
import { telemetry, type ConnectionStop } from '../telemetry/events.js';
import { errorType } from './attributes.js';
import { Subscriptions } from './subscriptions.js';
import { TrafficTotals } from './traffic-totals.js';

/** From a page that is opened and left to a dashboard that stays for days, seconds. */
const DURATION_BOUNDARIES = [0.1, 1, 10, 60, 300, 900, 3_600, 14_400, 86_400];

/** `network.io.direction`, as OpenTelemetry has it. */
const DIRECTIONS = { received: 'receive', sent: 'transmit' } as const;

/** The metrics of connections; docs/telemetry.md has the list. */
export class ConnectionMetrics {
  readonly #subscriptions = new Subscriptions();
  readonly #totals = new TrafficTotals();
  readonly #active;
  readonly #duration;
  readonly #dropped;

  constructor(meter: Meter) {
    this.#active = meter.createUpDownCounter('websocket.server.active_connections', {
      description: 'Connections that are open',
      unit: '{connection}',
    });
    this.#duration = meter.createHistogram('websocket.server.connection.duration', {
      description: 'How long connections were open',
      unit: 's',
      advice: { explicitBucketBoundaries: DURATION_BOUNDARIES },
    });
    this.#dropped = meter.createCounter('websocket.server.dropped_messages', {
      description: 'Messages that were never handled',
      unit: '{message}',
    });
    this.#observeTraffic(meter);
    this.#countConnections();
    this.#countFaults(meter);
  }

  stop(): void {
    this.#subscriptions.end();
    for (const { handler } of this.#totals.live()) this.#active.add(-1, of(handler));
    this.#totals.clear();
  }

  #observeTraffic(meter: Meter): void {
    const messages = meter.createObservableCounter('websocket.server.messages', {
      description: 'Messages received and sent',
      unit: '{message}',
    });
    const io = meter.createObservableCounter('websocket.server.io', {
      description: 'Bytes of payload received and sent, before compression',
      unit: 'By',
    });
    const observe: BatchObservableCallback = (result) => {
      for (const total of this.#totals.read()) {
        const attributes = {
          ...of(total.handler),
          'network.io.direction': DIRECTIONS[total.direction],
          'websocket.opcode': total.opcode,
        };
        result.observe(messages, total.messages, attributes);
        result.observe(io, total.bytes, attributes);
      }
    };
    meter.addBatchObservableCallback(observe, [messages, io]);
    this.#subscriptions.add(() => meter.removeBatchObservableCallback(observe, [messages, io]));
  }

  #countConnections(): void {
    this.#subscriptions.on(telemetry.connectionStart, (event) => {
      this.#totals.start(event);
      this.#active.add(1, of(event.handler));
    });
    this.#subscriptions.on(telemetry.connectionStop, (event) => {
      // Else it was open before us.
      if (this.#totals.stop(event)) this.#connectionStop(event);
    });
  }

  #connectionStop({ handler, duration, facts, droppedMessages, droppedInfo }: ConnectionStop): void {
    this.#active.add(-1, of(handler));
    this.#duration.record(duration / 1_000, { ...of(handler), 'websocket.close.code': facts.code });
    if (droppedMessages > 0)
      this.#dropped.add(droppedMessages, { ...of(handler), 'websocket.dropped': 'message' });
    if (droppedInfo > 0) this.#dropped.add(droppedInfo, { ...of(handler), 'websocket.dropped': 'info' });
  }

  #countFaults(meter: Meter): void {
    const refused = meter.createCounter('websocket.server.refused_upgrades', {
      description: 'Upgrade requests that were answered with anything but 101',
      unit: '{request}',
    });
    const errors = meter.createCounter('websocket.server.callback.errors', {
      description: 'Callbacks that threw, rejected or returned a bad result',
      unit: '{error}',
    });
    const overruns = meter.createCounter('websocket.server.callback.overruns', {
      description: 'Callbacks that were given up',
      unit: '{callback}',
    });
    const slow = meter.createCounter('websocket.server.callback.slow', {
      description: 'Callbacks that did not settle within slowCallback',
      unit: '{callback}',
    });
    this.#subscriptions.on(telemetry.upgradeRefused, ({ status, code }) =>
      refused.add(1, {
        'http.response.status_code': status,
        ...(code === undefined ? {} : { 'error.type': code }),
      }),
    );
    this.#subscriptions.on(telemetry.callbackError, ({ handler, method, error }) =>
      errors.add(1, { ...of(handler, method), 'error.type': errorType(error) }),
    );
    this.#subscriptions.on(telemetry.callbackOverrun, ({ handler, method }) =>
      overruns.add(1, of(handler, method)),
    );
    this.#subscriptions.on(telemetry.callbackSlow, ({ handler, method }) => slow.add(1, of(handler, method)));
  }
}

function of(handler: string, method?: string): Attributes {
  return { 'websocket.handler': handler, ...(method === undefined ? {} : { 'websocket.method': method }) };
}
