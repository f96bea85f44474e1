import { AbstractGraphQLDriver, GqlSubscriptionService, type GqlModuleOptions } from '@nestjs/graphql';

type Server = ConstructorParameters<typeof GqlSubscriptionService>[1];
type Schema = Pick<GqlModuleOptions, 'schema'>;

/** Makes the schema, and serves nothing. */
export class SchemaDriver extends AbstractGraphQLDriver {
  start(_options: GqlModuleOptions): Promise<unknown> {
    return Promise.resolve();
  }

  stop(): Promise<void> {
    return Promise.resolve();
  }
}

/** Serves subscriptions at /graphql as the drivers for Apollo do, by graphql-ws, and nothing else. */
export class SubscriptionsDriver extends SchemaDriver {
  #service: GqlSubscriptionService | undefined;

  override async start(options: GqlModuleOptions): Promise<void> {
    this.#service = serveSubscriptions(this.httpAdapterHost.httpAdapter.getHttpServer() as Server, options);
    await Promise.resolve();
  }

  override async stop(): Promise<void> {
    await this.#service?.stop();
  }
}

export function serveSubscriptions(server: Server, { schema }: Schema): GqlSubscriptionService {
  return new GqlSubscriptionService({ schema: schema!, path: '/graphql', 'graphql-ws': true }, server);
}
