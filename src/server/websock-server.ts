import type { Server as HttpServer } from 'node:http';
import { Connections } from '../connection/connections.js';
import { ConnectionRegistry } from '../connection/registry.js';
import { telemetry } from '../telemetry/events.js';
import { attachPipeline, type AcceptedUpgrade, type Door, type Pipeline } from '../upgrade/pipeline.js';
import {
  checkOptions,
  resolveDrainer,
  resolveOptions,
  type DrainerOptions,
  type ResolvedDrainer,
  type WebSockOptions,
} from '../websock/options.js';
import { WsServer } from './ws.js';

/** Options of a server: how it shuts down, and the defaults of its connections. */
export interface WebSockServerOptions extends WebSockOptions {
  drainer?: DrainerOptions;
}

/**
 * Serves WebSockets on HTTP servers: each upgrade request runs through the server's `request` listener as an ordinary
 * request, and becomes a WebSocket where that calls `upgrade()`.
 */
export class WebSockServer {
  /** The connections, by reference. */
  readonly connections: Connections;
  /** Names this instance in references and telemetry. */
  readonly app: string;
  readonly #registry = new ConnectionRegistry();
  readonly #drainer: ResolvedDrainer;
  readonly #door: Door;
  readonly #pipelines = new Map<HttpServer, Pipeline>();
  #isShut = false;
  #closed: Promise<void> | undefined;

  /** @throws ConfigError for an option that is no good */
  constructor({ drainer, ...defaults }: WebSockServerOptions = {}) {
    checkOptions(defaults, 'WebSockServer');
    this.#drainer = resolveDrainer(drainer);
    this.connections = new Connections(this.#registry);
    this.app = this.#registry.app;
    this.#door = this.#makeDoor(defaults);
  }

  /** Serves one more HTTP or HTTPS server; a server that is served already is left alone. */
  attach(server: HttpServer): this {
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
    await this.#registry.drain(this.#drainer);
  }

  #makeDoor(defaults: WebSockOptions): Door {
    const server = new WsServer(this.#registry);
    const { app } = this;
    const isShut = () => this.#isShut;
    return {
      defaults,
      upgradeTimeout: resolveOptions('WebSockServer', defaults).upgradeTimeout,
      get isShut() {
        return isShut();
      },
      accept: (accepted: AcceptedUpgrade) => server.accept(accepted),
      refused(status, message) {
        if (telemetry.upgradeRefused.hasSubscribers)
          telemetry.upgradeRefused.publish({ app, status, code: undefined, message });
      },
    };
  }
}
