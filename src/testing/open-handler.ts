import { AsyncResource } from 'node:async_hooks';
import type { ConnectionOwner, ConnectionSpec } from '../connection/opening.js';
import { ConnectionRegistry } from '../connection/registry.js';
import { LocalTopics } from '../pubsub/local-topics.js';
import { PubSub, topicsOf } from '../pubsub/pubsub.js';
import { MemoryServer, type MemoryClientOptions } from '../server/memory.js';
import type { WebSockServer } from '../server/websock-server.js';
import { checkOptions, resolveOptions, type WebSockOptions } from '../websock/options.js';
import type { UpgradeRequest } from '../websock/request.js';
import type { WebSock } from '../websock/websock.js';
import { ExactSweeper } from './exact-sweeper.js';
import type { ExpectOptions } from './expectations.js';
import { HandlerConnection } from './handler-connection.js';
import {
  findHandler,
  plainHandler,
  type Container,
  type HandlerClass,
  type HandlerSource,
} from './handler-source.js';
import { settled, TestClock } from './test-clock.js';
import { makeRequest, type TestRequest } from './test-request.js';

/** What `openHandler` takes beside the handler: the upgrade as it might have been, and how the client behaves. */
export interface OpenHandlerOptions extends ExpectOptions, MemoryClientOptions {
  /** For `init`: what `@OnUpgrade` would return. Default: the request's facts. */
  argument?: unknown;
  /** The upgrade request, as `connection.request` shows it. */
  request?: TestRequest;
  /** Options of the connection, before the handler's own and the module's. */
  options?: WebSockOptions;
  /** A clock to share with another connection. Default: one of its own. */
  clock?: TestClock;
  /** For a `WebSock` object: the server whose `connections` and `pubsub` know the connection. Default: none, topics of its own. */
  server?: WebSockServer;
}

/**
 * Opens a connection to a handler without a port, and runs its `init`:
 *
 * ```ts
 * const room = await openHandler(moduleRef, RoomHandler, { argument: { room: 'lobby', user } });
 * await room.expectPush(text('hello Ann'));
 * ```
 *
 * The handler is the provider of the module (or of the app, initialised or not), overrides included; its options apply, and what
 * its callbacks are decorated with. Guards of its class and `@OnUpgrade` do not run: they are the business of `connect()`. Where the app has `WebSockModule`, its `Connections` know
 * the connection, and its `PubSub` reaches it. A handler with a scope has an instance of its own per connection; `REQUEST` is there what `connection.request` is.
 * A `WebSock` object needs no module: `openHandler(websock, options)`.
 *
 * Resolves when all of `init` is done that does not wait for I/O or for the clock.
 *
 * @throws WebSockError `WEBSOCK_NOT_A_HANDLER`; ConfigError for options or callbacks that are no good; what Nest throws for a
 * provider that it does not know
 */
export function openHandler(
  module: Container,
  handler: HandlerClass,
  options?: OpenHandlerOptions,
): Promise<HandlerConnection>;
export function openHandler(
  websock: WebSock<any, any, any>,
  options?: OpenHandlerOptions,
): Promise<HandlerConnection>;
export async function openHandler(
  subject: Container | WebSock<any, any, any>,
  second?: HandlerClass | OpenHandlerOptions,
  third?: OpenHandlerOptions,
): Promise<HandlerConnection> {
  const isProvided = typeof second === 'function';
  const options = (isProvided ? third : second) ?? {};
  const request = makeRequest(options.request);
  const source = isProvided
    ? await findHandler(subject as Container, second, request)
    : plainHandler(subject as WebSock, options.server);
  const connection = open(source, request, options);
  await settled();
  return connection;
}

function open(
  source: HandlerSource,
  request: UpgradeRequest,
  options: OpenHandlerOptions,
): HandlerConnection {
  const { clock = new TestClock() } = options;
  const registry = source.registry ?? new ConnectionRegistry(clock);
  const pubsub = source.pubsub ?? pubsubOf(registry);
  // Its own registry has the topics that the test broadcasts to.
  if (source.registry === undefined) registry.topics = topicsOf(pubsub) ?? registry.topics;
  const room = new HandlerConnection(clock, pubsub, options);
  checkOptions(options.options ?? {}, 'openHandler()');
  const spec: ConnectionSpec = {
    handler: source.handler,
    argument: 'argument' in options ? options.argument : request,
    request,
    options: resolveOptions('openHandler()', ...source.layers, options.options),
    context: new AsyncResource('WebSockConnection'),
  };
  const server = new MemoryServer(registry, ownerOf(registry, clock));
  room.start(server.open(spec, room.asPeer(), options));
  return room;
}

/** For a handler that no app provides. */
function pubsubOf(registry: ConnectionRegistry): PubSub {
  return new PubSub(registry.app, new LocalTopics(registry.app), (ref) => registry.find(ref));
}

/** The registry, with a time that stands still. */
function ownerOf(registry: ConnectionRegistry, clock: TestClock): ConnectionOwner {
  return {
    app: registry.app,
    clock,
    sweeper: new ExactSweeper(clock),
    topics: registry.topics,
    monitor: registry.monitor,
    endDecided(connection) {
      clock.touch();
      registry.endDecided(connection);
    },
    ended: (connection, droppedInfo) => registry.ended(connection, droppedInfo),
  };
}
