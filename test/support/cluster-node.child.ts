import { subscribe } from 'node:diagnostics_channel';
import type { AddressInfo } from 'node:net';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { connect } from '@nats-io/transport-node';
import { createClient } from 'redis';
import { WebSocket } from 'ws';
import {
  Cluster,
  Connection,
  Connections,
  InfoMessage,
  OnIn,
  OnInfo,
  OnInit,
  OnTerminate,
  ok,
  PubSub,
  push,
  reply,
  stop,
  text,
  type TopicMessages,
  WebSockHandler,
  WebSockModule,
} from '../../src/index.js';
import { nats } from '../../src/nats.js';
import { redis } from '../../src/redis.js';
import type { Recorded } from './cluster-node.js';
import { TopicLoad } from './topic-load.js';

/** A node of a cluster that does what its parent asks; each command is a function of `commands`. */
const [url] = process.argv.slice(2) as [string];
const tell = (event: string, ...facts: unknown[]) => void process.send!({ event, facts });

@InfoMessage('posted')
class Posted {
  constructor(
    readonly by: string,
    readonly at: Date,
  ) {}

  line() {
    return `${this.by} at ${this.at.toISOString()}`;
  }
}

const recorded = new Map<string, Recorded[]>();
const live = new Map<string, Connection>();

@WebSockHandler('recorder')
class Recorder {
  @OnInit()
  enter(_request: unknown, connection: Connection) {
    recorded.set(connection.ref, []);
    live.set(connection.ref, connection);
    return push(text(connection.ref), undefined);
  }

  @OnInfo(Posted)
  posted(info: Posted, _state: unknown, connection: Connection) {
    record(connection, ['posted', info.line()]);
    return ok(undefined);
  }

  @OnInfo()
  other(info: unknown, _state: unknown, connection: Connection) {
    record(connection, ['info', info]);
    if (info === 'stop') return stop('normal', undefined);
    if (info === 'wait') return new Promise<never>(() => {});
    return Array.isArray(info) && info[0] === 'ask'
      ? reply(['answer', info[1]], [], undefined)
      : ok(undefined);
  }

  @OnTerminate()
  leave(_reason: unknown, _state: unknown, _facts: unknown, connection: Connection) {
    live.delete(connection.ref);
  }
}

function record({ ref }: Connection, item: Recorded): void {
  recorded.get(ref)!.push(item);
  tell('recorded', ref, item);
}

const load = new TopicLoad();

/** One of many that count what comes on one topic. */
@WebSockHandler('load/:topic')
class LoadHandler {
  @OnInit()
  enter(request: { params: { topic: string } }, connection: Connection) {
    const { topic } = request.params;
    connection.subscribe(topic);
    return ok(load.listener(topic));
  }

  @OnInfo()
  count(info: readonly [node: string, number: number], listener: ReturnType<TopicLoad['listener']>) {
    listener.take(info);
    return ok(listener);
  }
}

const slow = { ref: '', made: 0 };

/** One that stops to listen to its client, and so to what comes for it on its topic. */
@WebSockHandler('slow/:topic', { maxMailbox: 100, terminateTimeout: 50 })
class SlowHandler {
  @OnInit()
  enter(request: { params: { topic: string } }, connection: Connection) {
    slow.ref = connection.ref;
    const fastlane = (info: unknown) => {
      slow.made += 1;
      return text(JSON.stringify(info));
    };
    connection.subscribe(request.params.topic, { fastlane });
    return ok(undefined);
  }

  @OnIn()
  stopListening() {
    return new Promise<never>(() => {});
  }
}

subscribe('nestjs-websock.connection.stop', (event) => {
  const { ref, droppedInfo } = event as { ref: string; droppedInfo: number };
  if (ref === slow.ref) tell('slow is gone', droppedInfo);
});

for (const name of ['pubsub.gap', 'info.lost', 'node.up', 'node.down']) {
  subscribe(`nestjs-websock.${name}`, (event) => {
    if (name === 'pubsub.gap') load.gap(event as { topic: string; node: string; lost: number });
    tell(name, event);
  });
}

async function engineAt(broker: string) {
  if (broker.startsWith('redis:')) {
    return redis({ client: createClient({ url: broker, socket: { reconnectStrategy: 20 } }) });
  }
  const options = { servers: broker, maxReconnectAttempts: -1, reconnectTimeWait: 20 };
  return nats({ connection: await connect(options) });
}

const engine = await engineAt(url);
/** What the engine says is said on, so that the parent can wait for it. */
const start = engine.start.bind(engine);
engine.start = (listener) =>
  start({
    receive: (channel, packet) => listener.receive(channel, packet),
    failed: (error, stage) => listener.failed(error, stage),
    lost(error) {
      listener.lost(error);
      tell('lost');
    },
    restored() {
      listener.restored();
      tell('restored');
    },
  });

@Module({
  imports: [WebSockModule.forRoot({ cluster: { engine, heartbeat: 300, nodeTimeout: 3_000 } })],
  providers: [Recorder, LoadHandler, SlowHandler],
})
class AppModule {}

const app = await NestFactory.create(AppModule, { logger: ['error'] });
await app.listen(0, '127.0.0.1');
const { port } = app.getHttpServer().address() as AddressInfo;
const [cluster, pubsub, connections] = [app.get(Cluster), app.get(PubSub), app.get(Connections)];

/** Values that do not come through the parent's own channel as they are. */
const UNUSUAL: Record<string, () => unknown> = {
  posted: () => new Posted('Joe', new Date(0)),
  function: () => ({ deep: [() => {}] }),
};
const valueOf = (value: unknown) => (typeof value === 'string' && UNUSUAL[value]?.()) || value;

let idle: TopicMessages | undefined;

const commands = {
  /** A client of this node's; its reference. */
  connect: () =>
    new Promise<string>((resolve, reject) => {
      const socket = new WebSocket(`ws://127.0.0.1:${port}/recorder`);
      socket.once('message', (data: Buffer) => resolve(data.toString()));
      socket.once('error', reject);
    }),
  async subscribe(ref: string, topic: string, options?: { gaps?: boolean }) {
    live.get(ref)!.subscribe(topic, options);
    await pubsub.subscribed(topic);
  },
  nodes: () => cluster.nodes(),
  isHealthy: () => cluster.isHealthy(),
  broadcast: (topic: string, value: unknown) => pubsub.broadcast(topic, valueOf(value)),
  broadcastFrom: (ref: string, topic: string, value: unknown) => pubsub.broadcastFrom(ref, topic, value),
  sendInfo: (ref: string, value: unknown) => connections.sendInfo(ref, valueOf(value)),
  call: (ref: string, value: unknown, timeout: number) => connections.call(ref, value, { timeout }),
  monitor: (watcher: string, ref: string) => void live.get(watcher)!.monitor(ref),
  recorded: (ref: string) => recorded.get(ref),
  /** So many listeners on each topic, each a connection. */
  async listen(topics: readonly string[], each: number) {
    const paths = topics.flatMap((topic) => Array.from({ length: each }, () => `load/${topic}`));
    await Promise.all(
      paths.map(
        (path) =>
          new Promise((resolve, reject) => {
            const socket = new WebSocket(`ws://127.0.0.1:${port}/${path}`);
            socket.once('open', resolve).once('error', reject);
          }),
      ),
    );
    await Promise.all(topics.map((topic) => pubsub.subscribed(topic)));
  },
  /** A client of `SlowHandler`; what it got, once it is closed, and how many were made for it. */
  slow: (topic: string) =>
    new Promise<{ received: number; made: number; code: number }>((resolve, reject) => {
      const socket = new WebSocket(`ws://127.0.0.1:${port}/slow/${topic}`);
      let received = 0;
      socket.once('error', reject).once('open', () => tell('slow is there'));
      socket.on('message', () => {
        if (++received === 1_000) socket.send('stop');
      });
      socket.once('close', (code) => resolve({ received, made: slow.made, code }));
    }),
  /** A service that takes nothing. */
  idle: (topic: string) => void (idle = pubsub.messages(topic, { highWaterMark: 100 })),
  idled: () => idle!.dropped + 100,
  /** Says how far it is after half of it. */
  publish: (topics: readonly string[], ticks: number, perTick: number) =>
    load.publish(pubsub, cluster.node, topics, ticks, perTick, () => tell('half way')),
  /** When each listener has heard the last of each of these nodes. */
  ended: (nodes: readonly string[]) => load.ended(nodes),
  report: () => load.report(),
  isConnected: () => process.connected,
};
export type Commands = typeof commands;

process.on('message', ({ id, name, args }: { id: number; name: keyof Commands; args: never[] }) => {
  void Promise.resolve()
    .then(() => (commands[name] as (...args: never[]) => unknown)(...args))
    .then(
      (result) => process.send!({ id, result }),
      (error: Error & { code?: string }) =>
        process.send!({ id, error: { name: error.name, code: error.code, message: error.message } }),
    );
});
process.once('disconnect', () => process.exit());
tell('ready', cluster.node);
