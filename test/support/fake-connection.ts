import { AsyncResource } from 'node:async_hooks';
import { Connections } from '../../src/connection/connections.js';
import { handlerOf, type Handler } from '../../src/connection/handler.js';
import { ConnectionRegistry } from '../../src/connection/registry.js';
import { LocalTopics } from '../../src/pubsub/local-topics.js';
import { PubSub } from '../../src/pubsub/pubsub.js';
import { resolveOptions, type WebSockOptions } from '../../src/websock/options.js';
import type { UpgradeRequest } from '../../src/websock/request.js';
import type { WebSock } from '../../src/websock/websock.js';
import { FakeClock } from './fake-clock.js';
import { FakeTransport } from './fake-transport.js';

const REQUEST = { url: '/rooms/1?token=secret', path: '/rooms/1', protocol: 'chat.v1' } as UpgradeRequest;

/** An app without a server: a registry on a fake clock, its topics, its connections. */
export function fakeApp(clock = new FakeClock()) {
  const registry = new ConnectionRegistry(clock);
  const topics = new LocalTopics(registry.app);
  registry.topics = topics;
  const pubsub = new PubSub(registry.app, topics, (ref) => registry.find(ref));
  return { clock, registry, topics, pubsub, connections: new Connections(registry) };
}

/** Opens a connection of a `WebSock`, or of a handler, on a fake transport, by default in an app of its own. */
export function openConnection(
  subject: WebSock<any, any, any> | Handler,
  options: WebSockOptions = {},
  app = fakeApp(),
) {
  const { clock, registry, pubsub } = app;
  const transport = new FakeTransport();
  const spec = {
    handler: 'websock' in subject ? subject : handlerOf(subject),
    argument: 'argument',
    request: REQUEST,
    options: resolveOptions('test', { heartbeat: false }, options),
    context: new AsyncResource('test'),
  };
  const connection = registry.open(spec, (listener) => {
    transport.listener = listener;
    return transport;
  });
  connection.start();
  const say = (data: string) => connection.receiveMessage(['text', data], Buffer.byteLength(data));
  return { clock, transport, connection, say, log: transport.log, app, pubsub };
}
