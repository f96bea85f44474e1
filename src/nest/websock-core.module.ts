import { Global, Inject, Module, Optional } from '@nestjs/common';
import type { NestModule, OnApplicationBootstrap, OnModuleDestroy, OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost, ModuleRef, ModulesContainer, type NestContainer } from '@nestjs/core';
import { Cluster } from '../cluster/cluster.js';
import { Presence } from '../cluster/presence.js';
import { Connections } from '../connection/connections.js';
import { PubSub } from '../pubsub/pubsub.js';
import { WebSockServer } from '../server/websock-server.js';
import { logServed, warnOfNoServer, warnOfPreview } from './boot-log.js';
import { serveHandlers, type ServedHandler } from './handler-routes.js';
import { checkOneRoot, OPTIONS, resolveRootOptions, type WebSockModuleOptions } from './root-options.js';
import { putHandlersFirst } from './route-precedence.js';
import { startServers } from './further-servers.js';
import { exploreHandlers } from './websock.explorer.js';
import { WebSockLogger } from './websock.logger.js';

/** Does all the work, once per app: every `WebSockModule`, bare or with options, imports this one. */
@Global()
@Module({
  providers: [
    {
      provide: WebSockServer,
      inject: [ModulesContainer, { token: OPTIONS, optional: true }],
      useFactory: (modules: ModulesContainer, options?: WebSockModuleOptions) => {
        checkOneRoot(modules);
        return new WebSockServer(resolveRootOptions(options).serverOptions, 'WebSockModule.forRoot()');
      },
    },
    {
      provide: Connections,
      inject: [WebSockServer],
      useFactory: (server: WebSockServer) => server.connections,
    },
    {
      provide: PubSub,
      inject: [WebSockServer],
      useFactory: (server: WebSockServer) => server.pubsub,
    },
    {
      provide: Presence,
      inject: [WebSockServer],
      useFactory: (server: WebSockServer) => server.presence,
    },
    {
      provide: Cluster,
      inject: [WebSockServer],
      useFactory: (server: WebSockServer) => server.cluster,
    },
    {
      provide: WebSockLogger,
      inject: [WebSockServer],
      useFactory: (server: WebSockServer) => new WebSockLogger(server.app),
    },
  ],
  exports: [WebSockServer, Connections, PubSub, Presence, Cluster],
})
export class WebSockCoreModule implements NestModule, OnModuleInit, OnApplicationBootstrap, OnModuleDestroy {
  /** Undefined until there are routes; for ever in an app without an HTTP server. */
  private served: ServedHandler[] | undefined;
  private isBootstrapped = false;

  constructor(
    private readonly server: WebSockServer,
    private readonly logger: WebSockLogger,
    private readonly modules: ModulesContainer,
    private readonly adapterHost: HttpAdapterHost,
    private readonly moduleRef: ModuleRef,
    @Optional() @Inject(OPTIONS) private readonly options: WebSockModuleOptions | undefined,
  ) {
    // Nest destroys modules in the order of their distance from the root. This one comes before any other: what handlers
    // use must be alive while `terminate` runs.
    for (const module of modules.values()) if (module.metatype === WebSockCoreModule) module.distance = -1;
  }

  /** Nest calls this in apps with an HTTP server, when all providers exist and before the router reads the controllers. */
  configure(): void {
    // In preview mode nothing was constructed.
    if (this.server === undefined) return warnOfPreview();
    const { defaults, passthrough, messageEnhancers } = resolveRootOptions(this.options);
    const { container } = this.moduleRef as unknown as { container: NestContainer };
    this.served ??= serveHandlers({
      modules: this.modules,
      config: container.applicationConfig!,
      httpAdapter: this.adapterHost.httpAdapter,
      server: this.server,
      defaults,
      messageEnhancers,
      passthrough,
    });
  }

  /** The router has its routes by now. */
  onModuleInit(): void {
    const paths = this.served?.flatMap((handler) => handler.paths) ?? [];
    if (paths.length > 0) putHandlersFirst(paths, this.adapterHost.httpAdapter);
  }

  async onApplicationBootstrap(): Promise<void> {
    // A microservice calls this twice.
    if (this.isBootstrapped) return;
    this.isBootstrapped = true;
    this.logger.subscribe();
    // Without an HTTP server as well: a worker broadcasts to the connections of other nodes.
    await this.server.start();
    if (this.served === undefined) {
      warnOfNoServer(exploreHandlers(this.modules).map(({ handlerClass }) => handlerClass.name));
      return;
    }
    this.server.attach(this.adapterHost.httpAdapter.getHttpServer());
    logServed(this.served);
    const { servers } = resolveRootOptions(this.options);
    if (servers.length > 0) await startServers(this.server, servers, this.adapterHost.httpAdapter);
  }

  async onModuleDestroy(): Promise<void> {
    try {
      await this.server.close();
    } finally {
      this.logger.unsubscribe();
    }
  }
}
