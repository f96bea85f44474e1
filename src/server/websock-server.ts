import type { Duplex } from 'node:stream';
import { InfoClasses } from '../clause/info-class.js';
import { backgroundClock } from '../cluster/background-clock.js';
import { Cluster } from '../cluster/cluster.js';
import { Presence } from '../cluster/presence.js';
import { Connections } from '../connection/connections.js';
import { ConnectionRegistry } from '../connection/registry.js';
import { LocalTopics } from '../pubsub/local-topics.js';
import { PubSub } from '../pubsub/pubsub.js';
import { telemetry } from '../telemetry/events.js';
import { isAtOrBelow, pathOf } from '../upgrade/path.js';
import type { AcceptedUpgrade, Door } from '../upgrade/door.js';
import { attachPipeline, type AnyHttpServer, type Pipeline } from '../upgrade/pipeline.js';
import type { Claims } from '../upgrade/upgrade-listener.js';
import type { ConnectionRef } from '../websock/connection.js';
import { ConfigError } from '../websock/errors.js';
import { resolveOptions, type WebSockOptions } from '../websock/options.js';
import { isFull } from './capacity.js';
import {
  resolveServerOptions,
  type ResolvedServerOptions,
  type WebSockServerOptions,
} from './server-options.js';
import type { WireServer } from './server.js';
import { WsServer } from './ws.js';

/**
 * Serves WebSockets on HTTP servers: each upgrade request runs through the server's `request` listener as an ordinary
 * request, and becomes a WebSocket where that calls `upgrade()`.
 */
export class WebSockServer {
  /** The connections, by reference. */
  readonly connections: Connections;
  /** The topics. */
  readonly pubsub: PubSub;
  /** Who is there. */
  readonly presence: Presence;
  /** The other nodes. */
  readonly cluster: Cluster;
  /** Names this instance in references and telemetry. */
  readonly app: string;
  /** @internal What `upgrade()` may be given beside a `WebSock`: in Nest, handler classes and their instances. */
  readonly handlers = new Map<unknown, unknown>();
  /** @internal The classes of info messages that handlers take: every engine delivers their instances. */
  readonly infoClasses = new InfoClasses();
  /** @internal The largest `maxMessageSize` that a handler sets for itself. */
  largestMessage = 0;
  /** @internal Which requests are ours where others listen for upgrades as well: here all but `passthrough`; Nest has routes. */
  claims: Claims;
  readonly #registry = new ConnectionRegistry();
  readonly #options: ResolvedServerOptions;
  readonly #door: Door;
  readonly #pipelines = new Map<AnyHttpServer, Pipeline>();
  readonly #wireServers = new Set<WireServer>();
  /** Whose requests have come another way than through an HTTP server. */
  readonly #senders = new WeakMap<Duplex, WireServer>();
  #isShut = false;
  #closed: Promise<void> | undefined;

  /** @throws ConfigError for an option that is no good */
  constructor(options: WebSockServerOptions = {}, where = 'WebSockServer') {
    this.#options = resolveServerOptions(options, where);
    const { passthrough } = this.#options;
    this.claims = (request) => !passthrough.some((path) => isAtOrBelow(pathOf(request), path));
    this.connections = new Connections(this.#registry);
    this.app = this.#registry.app;
    const topics = new LocalTopics(this.app);
    this.#registry.topics = topics;
    this.pubsub = new PubSub(this.app, topics, (ref) => this.#registry.find(ref));
    this.presence = this.#makePresence(topics);
    this.cluster = this.#makeCluster(topics);
    this.#door = this.#makeDoor(this.#options.defaults, where);
  }

  /**
   * Serves one more HTTP, HTTPS or HTTP/2 server; a server that is served already is left alone.
   *
   * @throws ConfigError for a server that another `WebSockServer` serves
   */
  attach(server: AnyHttpServer): this {
    if (this.#pipelines.has(server)) return this;
    claimServer(server);
    this.#pipelines.set(server, attachPipeline(server, this.#door));
    return this;
  }

  /**
   * Joins the other nodes; without the option `cluster` it does nothing. A broker that is away does not stop it: local delivery works,
   * and the rest comes when the broker comes. Before it nothing goes to other nodes or comes from them.
   *
   * @throws ConfigError for an engine's client that is no good; MissingPackageError when msgpackr is needed and not installed
   */
  async start(): Promise<void> {
    await this.cluster.start();
    this.#registry.elsewhere = this.cluster.elsewhere;
  }

  /**
   * Serves one more server that listens for itself, such as `uws()`: its upgrade requests run through the `request` listener of
   * `httpServer`, which is attached if it is not yet. Resolves when clients can connect.
   *
   * @throws WebSockError when it cannot listen; ConfigError for an HTTP server that another `WebSockServer` serves
   */
  async listen(server: WireServer, httpServer: AnyHttpServer): Promise<this> {
    const pipeline = this.attach(httpServer).#pipelines.get(httpServer)!;
    this.#wireServers.add(server);
    await server.start({
      registry: this.#registry,
      maxMessageSize: this.#maxMessageSize(),
      receive: (request, socket) => {
        this.#senders.set(socket, server);
        pipeline.inject(request, socket);
      },
    });
    // Closed while it began to listen, or before.
    if (this.#isShut) await server.stop();
    return this;
  }

  /**
   * Shuts down: refuses new upgrades with 503, tells all connections, and resolves when they are gone or `drainer.shutdown`
   * has passed; then leaves the cluster. The HTTP servers are left to their owner, but sessions of HTTP/2 are closed, and servers that
   * listen for themselves.
   */
  close(): Promise<void> {
    this.#isShut = true;
    return (this.#closed ??= this.#shutDown());
  }

  async #shutDown(): Promise<void> {
    for (const pipeline of this.#pipelines.values()) pipeline.refuseAll();
    await this.#registry.drain(this.#options.drainer);
    // What callbacks broadcast in their last moments leaves with it.
    await this.cluster.stop();
    this.pubsub.release();
    for (const pipeline of this.#pipelines.values()) pipeline.closeSessions();
    await Promise.all([...this.#wireServers].map((server) => server.stop()));
  }

  #maxMessageSize(): number {
    const { maxMessageSize } = resolveOptions('WebSockServer', this.#options.defaults);
    return Math.max(maxMessageSize, this.largestMessage);
  }

  #makePresence(topics: LocalTopics): Presence {
    const presence = new Presence({
      node: this.app,
      isLive: (ref) => this.#registry.find(ref) !== undefined,
      hasSubscribers: (topic) => topics.has(topic),
      deliver: (topic, info) => topics.deliver(topic, info),
    });
    this.#registry.onEndDecided.add((ref) => presence.release(ref));
    return presence;
  }

  #makeCluster(topics: LocalTopics): Cluster {
    const { connections, infoClasses, presence } = this;
    const registry = this.#registry;
    const setup = {
      node: this.app,
      topics,
      find: (ref: ConnectionRef) => registry.find(ref),
      local: {
        sendInfo: connections.sendInfo.bind(connections),
        call: connections.call.bind(connections),
        monitor: registry.monitor,
      },
      infoClasses,
      connectPresence: presence.connect.bind(presence),
      clock: backgroundClock,
    };
    return new Cluster(setup, this.#options.cluster);
  }

  #makeDoor(defaults: WebSockOptions, where: string): Door {
    const ws = new WsServer(this.#registry);
    const { app, handlers } = this;
    const isShut = () => this.#isShut;
    return {
      defaults,
      handlers,
      upgradeTimeout: resolveOptions(where, defaults).upgradeTimeout,
      get isShut() {
        return isShut();
      },
      claims: (request) => this.claims(request),
      isFull: (address) => isFull(this.#registry, this.#options.capacity, address),
      accept: (accepted: AcceptedUpgrade) => (this.#senders.get(accepted.socket) ?? ws).accept(accepted),
      refused(status, message, code) {
        if (telemetry.upgradeRefused.hasSubscribers)
          telemetry.upgradeRefused.publish({ app, status, code, message });
      },
    };
  }
}

/** Shared by two copies of this module. */
const SERVED = Symbol.for('nestjs-websock.served');

/** Two would each answer every upgrade request. */
function claimServer(server: AnyHttpServer & { [SERVED]?: true }): void {
  if (server[SERVED]) {
    throw new ConfigError(
      'WEBSOCK_SERVER_TAKEN',
      'attach(): another WebSockServer serves this HTTP server; in a Nest app inject WebSockServer instead of making one',
    );
  }
  server[SERVED] = true;
}
