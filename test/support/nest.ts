import type { AddressInfo } from 'node:net';
import type { INestApplication, LoggerService, ModuleMetadata } from '@nestjs/common';
import { ExpressAdapter, type NestExpressApplication } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Test, type TestingModuleBuilder } from '@nestjs/testing';
import { RawClient, type RequestSpec } from './raw-client.js';
import type { Bytes } from './frames.js';

export type Platform = 'express' | 'fastify';

/** Every case of an e2e spec runs on both. */
export const eachPlatform = describe.each<Platform>(['express', 'fastify']);

export interface AppSpec extends ModuleMetadata {
  /** Before the app is initialised. */
  setUp?: (app: INestApplication) => void;
  /** Overrides of the testing module. */
  override?: (builder: TestingModuleBuilder) => TestingModuleBuilder;
  logger?: LoggerService;
  /** Whether the app believes what a proxy says in X-Forwarded-… */
  trustProxy?: boolean;
  /** Whether `close` ends the connections of HTTP. Browsers open some in advance, and Node waits a minute for what has never been asked. */
  endsConnections?: boolean;
  /** Options of the app, as `NestFactory.create` takes them; some are not in Nest 11. */
  appOptions?: object;
}

/** Logs nothing. */
const SILENT: LoggerService = { log() {}, error() {}, warn() {} };

const apps = new Set<NestApp>();

/** A Nest app of a testing module, listening. */
export class NestApp {
  readonly #clients: RawClient[] = [];

  private constructor(readonly app: INestApplication) {
    apps.add(this);
  }

  /** Compiles the module and makes the app; does not initialise it. */
  static async create(
    platform: Platform,
    {
      setUp,
      override = (builder) => builder,
      logger = SILENT,
      trustProxy = false,
      endsConnections = false,
      appOptions,
      ...metadata
    }: AppSpec,
  ): Promise<NestApp> {
    const builder = Test.createTestingModule(metadata).setLogger(logger);
    const module = await override(builder).compile();
    const app = new NestApp(
      module.createNestApplication(
        platform === 'express'
          ? new ExpressAdapter()
          : new FastifyAdapter({ trustProxy, forceCloseConnections: endsConnections || 'idle' }),
        { forceCloseConnections: endsConnections, ...appOptions },
      ),
    );
    if (platform === 'express') (app.app as NestExpressApplication).set('trust proxy', trustProxy);
    setUp?.(app.app);
    return app;
  }

  static async start(platform: Platform, spec: AppSpec): Promise<NestApp> {
    const app = await NestApp.create(platform, spec);
    await app.app.listen(0, '127.0.0.1');
    return app;
  }

  get port(): number {
    return (this.app.getHttpServer().address() as AddressInfo).port;
  }

  async open(path: string, request?: RequestSpec, early?: Bytes): Promise<RawClient> {
    const client = await RawClient.dial(this.port);
    this.#clients.push(client);
    await client.request({ path, ...request }, early);
    return client;
  }

  /** An ordinary request. */
  fetch(path: string, init?: RequestInit): Promise<Response> {
    return fetch(`http://127.0.0.1:${this.port}${path}`, init);
  }

  /** The clients first: they answer no close frame, and the app would wait. */
  async stop(): Promise<void> {
    for (const client of this.#clients) client.destroy();
    await this.close();
  }

  async close(): Promise<void> {
    apps.delete(this);
    await this.app.close();
  }
}

export function startApp(platform: Platform, spec: AppSpec): Promise<NestApp> {
  return NestApp.start(platform, spec);
}

/** Boots an app that must not boot, and gives the error. */
export async function bootError(platform: Platform, spec: AppSpec): Promise<unknown> {
  try {
    await (await NestApp.create(platform, spec)).app.init();
  } catch (error) {
    return error;
  }
  throw new Error('the app booted');
}

/** For `afterEach`. */
export async function closeApps(): Promise<void> {
  await Promise.all([...apps].map((app) => app.stop()));
}
