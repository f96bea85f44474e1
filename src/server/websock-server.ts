import { Connections } from '../connection/connections.js';
import { ConnectionRegistry } from '../connection/registry.js';
import { telemetry } from '../telemetry/events.js';
import {
  attachPipeline,
  type AnyHttpServer,
  type AcceptedUpgrade,
  type Door,
  type Pipeline,
} from '../upgrade/pipeline.js';
import { resolveOptions, type WebSockOptions } from '../websock/options.js';
import { isFull } from './capacity.js';
import {
  resolveServerOptions,
  type ResolvedServerOptions,
  type WebSockServerOptions,
} from './server-options.js';
import { WsServer } from './ws.js';

/**
 * Serves WebSockets on HTTP servers: each upgrade request runs through the server's `request` listener as an ordinary
 * request, and becomes a WebSocket where that calls `upgrade()`.
 */
export class WebSockServer {
  /** The connections, by reference. */
  readonly connections: Connections;
  /** Names this instance in references and telemetry. */
  readonly app: string;
  /** @internal What `upgrade()` may be given beside a `WebSock`: in Nest, handler classes and their instances. */
  readonly handlers = new Map<unknown, unknown>();
  readonly #registry = new ConnectionRegistry();
  readonly #options: ResolvedServerOptions;
  readonly #door: Door;
  readonly #pipelines = new Map<AnyHttpServer, Pipeline>();
  #isShut = false;
  #closed: Promise<void> | undefined;

  /** @throws ConfigError for an option that is no good */
  constructor(options: WebSockServerOptions = {}, where = 'WebSockServer') {
    this.#options = resolveServerOptions(options, where);
    this.connections = new Connections(this.#registry);
    this.app = this.#registry.app;
    this.#door = this.#makeDoor(this.#options.defaults);
  }

  /** Serves one more HTTP, HTTPS or HTTP/2 server; a server that is served already is left alone. */
  attach(server: AnyHttpServer): this {
    if (!this.#pipelines.has(server)) this.#pipelines.set(server, attachPipeline(server, this.#door));
    return this;
  }

  /**
   * Shuts down: refuses new upgrades with 503, tells all connections, and resolves when they are gone or `drainer.shutdown`
   * has passed. The HTTP servers are left to their owner.
   */
  close(): Promise<void> {
    this.#isShut = true;
    return (this.#closed ??= this.#shutDown());
  }

  async #shutDown(): Promise<void> {
    for (const pipeline of this.#pipelines.values()) pipeline.refuseAll();
    await this.#registry.drain(this.#options.drainer);
  }

  #makeDoor(defaults: WebSockOptions): Door {
    const server = new WsServer(this.#registry);
    const { app, handlers } = this;
    const isShut = () => this.#isShut;
    return {
      defaults,
      handlers,
      upgradeTimeout: resolveOptions('WebSockServer', defaults).upgradeTimeout,
      get isShut() {
        return isShut();
      },
      isFull: (address) => isFull(this.#registry, this.#options.capacity, address),
      accept: (accepted: AcceptedUpgrade) => server.accept(accepted),
      refused(status, message, code) {
        if (telemetry.upgradeRefused.hasSubscribers)
          telemetry.upgradeRefused.publish({ app, status, code, message });
      },
    };
  }
}
