import mqtt, { type MqttClient } from 'mqtt';
import { Log } from '../../support/log.js';
import { PATIENCE } from './patience.js';

type Quality = 0 | 1 | 2;

/** Payloads are numbers here: what a page gives to the spec is JSON. */
const messages = new Log<[topic: string, qos: Quality, payload: number[]]>();
let client: MqttClient;
let queued: Promise<void>;

export async function connect(url: string, clientId: string): Promise<void> {
  client = await mqtt.connectAsync(url, { clientId, reconnectPeriod: 200 });
  client.on('message', (topic, payload, { qos }) => messages.add([topic, qos, [...payload]]));
}

export async function subscribe(filter: string, qos: Quality): Promise<void> {
  await client.subscribeAsync(filter, { qos });
}

export async function publish(topic: string, payload: number[], qos: Quality, retain = false) {
  // The type knows Node's bytes only.
  await client.publishAsync(topic, Uint8Array.from(payload) as Buffer, { qos, retain });
}

/** Does not wait for the broker: there may be none now. */
export function queue(...message: Parameters<typeof publish>): void {
  queued = publish(...message);
}

export const delivered = () => queued;
export const nextMessage = () => messages.next(PATIENCE);
