import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { afterEach, expect, it } from '@jest/globals';
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt';
import { WebSocket } from 'ws';
import { Log } from '../../../test/support/log.js';
import {
  closeApps,
  eachPlatform,
  startApp,
  type NestApp,
  type Platform,
} from '../../../test/support/nest.js';
import { AppModule } from '../src/app.module.js';
import { Broker, DRAIN_TIMEOUT } from '../src/broker.js';

const clients: MqttClient[] = [];

const start = (platform: Platform, drainTimeout = 5_000) =>
  startApp(platform, {
    imports: [AppModule],
    override: (builder) => builder.overrideProvider(DRAIN_TIMEOUT).useValue(drainTimeout),
  });

/** MQTT.js, what it gets, and the socket that it uses. */
async function connect(app: NestApp, device: string, options: IClientOptions = {}) {
  const sockets: WebSocket[] = [];
  const client = await mqtt.connectAsync(`ws://127.0.0.1:${app.port}/mqtt/${device}`, {
    clientId: device,
    reconnectPeriod: 0,
    createWebsocket(url, protocols) {
      const socket = new WebSocket(url, protocols);
      sockets.push(socket);
      return socket;
    },
    ...options,
  });
  clients.push(client);
  const got = new Log<[topic: string, payload: string, qos: number]>();
  client.on('message', (topic, payload, { qos }) => got.add([topic, payload.toString(), qos]));
  return { client, got, socket: sockets[0]! };
}

/** The next acknowledgement of the broker's to a client that comes back. */
const welcome = (client: MqttClient) => new Promise((resolve) => client.once('connect', resolve));

const will = {
  topic: 'devices/kitchen/status',
  payload: Buffer.from('lost'),
  qos: 1 as const,
  retain: false,
};

eachPlatform('MQTT on %s', (platform) => {
  afterEach(async () => {
    for (const client of clients.splice(0)) client.end(true);
    await closeApps();
  });

  it('delivers messages of each quality of service, once', async () => {
    const app = await start(platform);
    const watcher = await connect(app, 'hall');
    const device = await connect(app, 'kitchen');
    await watcher.client.subscribeAsync('devices/#', { qos: 2 });
    for (const qos of [0, 1, 2] as const)
      await device.client.publishAsync('devices/kitchen/light', `on ${qos}`, { qos });
    for (const qos of [0, 1, 2])
      expect(await watcher.got.next()).toEqual(['devices/kitchen/light', `on ${qos}`, qos]);
    await device.client.publishAsync('devices/kitchen/light', 'off', { qos: 2 });
    expect(await watcher.got.next()).toEqual(['devices/kitchen/light', 'off', 2]);
  });

  it('carries packets that span many messages', async () => {
    const app = await start(platform);
    const { client, got } = await connect(app, 'kitchen');
    await client.subscribeAsync('devices/#');
    const picture = 'x'.repeat(500_000);
    await client.publishAsync('devices/kitchen/picture', picture, { qos: 1 });
    expect((await got.next())[1] === picture).toBe(true);
  });

  it('publishes the will of a device that is gone without a word, and of no other', async () => {
    const app = await start(platform);
    const watcher = await connect(app, 'hall');
    await watcher.client.subscribeAsync('devices/kitchen/status', { qos: 1 });

    const polite = await connect(app, 'kitchen', { will });
    await polite.client.endAsync();
    const lost = await connect(app, 'kitchen', { will: { ...will, payload: Buffer.from('really lost') } });
    lost.socket.terminate();
    expect(await watcher.got.next()).toEqual(['devices/kitchen/status', 'really lost', 1]);
  });

  it('drops a device that publishes for another', async () => {
    const app = await start(platform);
    const watcher = await connect(app, 'hall');
    await watcher.client.subscribeAsync('devices/#');
    const device = await connect(app, 'kitchen');
    const closed = once(device.socket, 'close');
    device.client.publish('devices/hall/light', 'on', { qos: 0 });
    await closed;
    await watcher.client.publishAsync('devices/hall/light', 'off');
    expect(await watcher.got.next()).toEqual(['devices/hall/light', 'off', 0]);
  });

  it.each([
    ['a bad name', '/mqtt/a%20b', ['mqtt']],
    ['no subprotocol', '/mqtt/kitchen', []],
  ])('refuses an upgrade with %s', async (_what, path, protocols) => {
    const app = await start(platform);
    const client = new WebSocket(`ws://127.0.0.1:${app.port}${path}`, protocols);
    const [error] = (await once(client, 'error')) as [Error];
    expect(error.message).toContain('400');
  });

  it('keeps for a session what is published while its device is away', async () => {
    const app = await start(platform);
    const device = await connect(app, 'kitchen');
    const { client, got, socket } = await connect(app, 'hall', { clean: false });
    await client.subscribeAsync('devices/kitchen/light', { qos: 1 });
    const closed = new Promise<void>((resolve) => client.once('close', resolve));
    socket.terminate();
    await closed;

    for (const light of ['on', 'off', 'on again'])
      await device.client.publishAsync('devices/kitchen/light', light, { qos: 1 });
    const back = welcome(client);
    client.reconnect();
    expect(await back).toMatchObject({ sessionPresent: true });
    for (const light of ['on', 'off', 'on again'])
      expect(await got.next()).toEqual(['devices/kitchen/light', light, 1]);
  });

  it('drops a subscriber that does not read, and the others get everything', async () => {
    const app = await start(platform, 1_500);
    const broker = app.app.get(Broker);
    const handle = broker.handle.bind(broker);
    const streams = new Map<string, Duplex>();
    broker.handle = (stream, device) => {
      streams.set(device, stream);
      handle(stream, device);
    };
    const slow = await connect(app, 'slow', { keepalive: 0 });
    const quick = await connect(app, 'quick');
    const device = await connect(app, 'camera');
    await slow.client.subscribeAsync('devices/#');
    await quick.client.subscribeAsync('devices/#');
    slow.socket.pause();

    const picture = 'x'.repeat(100_000);
    for (let i = 0; i < 200; i++) device.client.publish('devices/camera/picture', `${i} ${picture}`);
    let waiting = 0;
    for (let i = 0; i < 200; i++) {
      expect((await quick.got.next(10_000))[1].split(' ')[0]).toBe(String(i));
      waiting = Math.max(waiting, streams.get('slow')!.writableLength);
    }
    // aedes hands out no more than 100 at once.
    expect(waiting).toBeLessThan(101 * (picture.length + 100));
    expect(slow.got.all.length).toBeLessThan(200);
    // What the kernels held comes first, and then the end.
    const closed = once(slow.socket, 'close');
    slow.socket.resume();
    await closed;
    expect(slow.got.all.length).toBeLessThan(200);
  });

  it('tells devices of a shutdown, and they come back to the next instance with their subscriptions', async () => {
    const [first, second] = [await start(platform), await start(platform)];
    const ports = [first.port, second.port];
    const codes = new Log<number>();
    const { client, got } = await connect(first, 'hall', {
      clean: false,
      reconnectPeriod: 10,
      /** A load balancer. */
      createWebsocket(url, protocols) {
        const socket = new WebSocket(url.replace(/:\d+/, `:${ports[0]}`), protocols);
        socket.on('close', (code) => codes.add(code));
        return socket;
      },
    });
    await client.subscribeAsync('devices/#', { qos: 1 });
    const device = await connect(second, 'kitchen');
    await device.client.publishAsync('devices/kitchen/light', 'on', { qos: 1, retain: true });

    ports.shift();
    const back = welcome(client);
    await first.close();
    expect(await codes.next()).toBe(1012);
    // Sessions are in the memory of a broker here: it is a new one, and the client subscribes again.
    expect(await back).toMatchObject({ sessionPresent: false });
    expect(await got.next()).toEqual(['devices/kitchen/light', 'on', 1]);
    await device.client.publishAsync('devices/kitchen/light', 'off', { qos: 1 });
    expect(await got.next()).toEqual(['devices/kitchen/light', 'off', 1]);
  });
});
