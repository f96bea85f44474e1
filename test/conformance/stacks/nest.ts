import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  Controller,
  ForbiddenException,
  Get,
  HttpException,
  Module,
  Req,
  Res,
  type DynamicModule,
  type INestApplication,
} from '@nestjs/common';
import { HttpAdapterHost, ModuleRef, NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import {
  Connections,
  OnControl,
  OnIn,
  OnInfo,
  OnInit,
  OnTerminate,
  OnUpgrade,
  upgrade,
  UpgradeError,
  WebSockHandler,
  WebSockModule,
  type CloseFacts,
  type CloseReason,
  type Connection,
  type ControlMessage,
  type DataMessage,
  type WireServer,
} from '../../../src/index.js';
import { FullHandler, handlerClass, HANDLERS, type Machine, type State } from '../machine.js';
import { Traces } from '../trace.js';
import {
  decide,
  readOrder,
  readSpec,
  type Order,
  type Stack,
  type StackSpec,
  type StartStack,
} from './stack.js';

/** Where requests go whose options or handler only `upgrade()` can give. */
const UPGRADE_PATH = '/upgrade';

const full = new FullHandler();

/** `GET /ws`, as an app declares it. */
@WebSockHandler('ws')
class DeclaredHandler {
  constructor(
    private readonly traces: Traces,
    private readonly adapterHost: HttpAdapterHost,
  ) {}

  @OnUpgrade()
  admit(@Req() request: IncomingMessage, @Res({ passthrough: true }) response: unknown): Machine {
    const order = readOrder(request.url!, this.traces);
    setHeaders(this.adapterHost, response, order);
    if (order.spec.via === 'raise') throw new Error('raised by the case');
    if (order.spec.via === 'reject403') throw new ForbiddenException();
    return order.machine;
  }

  @OnInit()
  init(machine: Machine, connection: Connection) {
    return full.init(machine, connection);
  }

  @OnIn()
  in(message: DataMessage, state: State, connection: Connection) {
    return full.handleIn(message, state, connection);
  }

  @OnControl()
  control(message: ControlMessage, state: State, connection: Connection) {
    return full.handleControl(message, state, connection);
  }

  @OnInfo()
  info(message: string, state: State, connection: Connection) {
    return full.handleInfo(message, state, connection);
  }

  @OnTerminate()
  terminated(reason: CloseReason, state: State, facts: CloseFacts, connection: Connection) {
    return full.terminate(reason, state, facts, connection);
  }
}

/** The rest: handlers without all the callbacks, options of the single upgrade. */
@Controller()
class UpgradeController {
  constructor(
    private readonly traces: Traces,
    private readonly adapterHost: HttpAdapterHost,
    private readonly moduleRef: ModuleRef,
  ) {}

  @Get('plain')
  plain(): string {
    return 'plain';
  }

  @Get(UPGRADE_PATH)
  upgrade(@Req() request: IncomingMessage, @Res({ passthrough: true }) response: unknown): unknown {
    const order = readOrder(request.url!, this.traces);
    setHeaders(this.adapterHost, response, order);
    const handler = this.moduleRef.get<object>(handlerClass(order.spec));
    try {
      return decide<unknown>(order, {
        upgrade: (options) => upgrade(request, handler, order.machine, options),
        upgradeToNothing: () => upgrade(request, {}),
        forbid: () => {
          throw new ForbiddenException();
        },
      });
    } catch (error) {
      throw this.#toHttp(error, response);
    }
  }

  #toHttp(error: unknown, response: unknown): unknown {
    if (!(error instanceof UpgradeError)) return error;
    for (const [name, value] of Object.entries(error.headers))
      this.adapterHost.httpAdapter.setHeader(response, name, value);
    return new HttpException(error.message, error.status, { cause: error });
  }
}

@Module({})
export class ConformanceModule {
  static with({ defaults, drainer, traces }: StackSpec, servers: WireServer[] = []): DynamicModule {
    return {
      module: ConformanceModule,
      imports: [WebSockModule.forRoot({ ...defaults, drainer, servers })],
      controllers: [UpgradeController],
      providers: [DeclaredHandler, ...HANDLERS, { provide: Traces, useValue: traces }],
    };
  }
}

/** A Nest app: `GET /ws` on a declared handler. */
export function startNest(platform: 'express' | 'fastify', http2 = false): StartStack {
  return async (spec: StackSpec): Promise<Stack> => {
    const app = await makeApp(platform, http2, ConformanceModule.with(spec));
    await app.listen(0, '127.0.0.1');
    const connections = app.get(Connections);
    return {
      port: (app.getHttpServer().address() as AddressInfo).port,
      sendInfo: (ref, message) => connections.sendInfo(ref, message),
      stop: () => app.close(),
    };
  };
}

export async function makeApp(
  platform: 'express' | 'fastify',
  http2: boolean,
  module: DynamicModule,
): Promise<INestApplication> {
  const options = { logger: false, forceCloseConnections: true } as const;
  if (platform === 'fastify')
    return NestFactory.create(
      module,
      new FastifyAdapter({
        rewriteUrl: route,
        forceCloseConnections: true,
        ...(http2 && { http2 }),
      } as object),
      options,
    );
  const adapter = new ExpressAdapter();
  (adapter.getInstance() as { disable(setting: string): void }).disable('x-powered-by');
  const app = await NestFactory.create(module, adapter, options);
  app.use((request: IncomingMessage, _response: unknown, next: () => void) => {
    request.url = route(request);
    next();
  });
  return app;
}

/** Before the app's own routing. */
function route({ url }: { url?: string }): string {
  const path = url ?? '/';
  if (!path.startsWith('/ws?')) return path;
  return isDeclared(path) ? path : UPGRADE_PATH + path.slice('/ws'.length);
}

function isDeclared(url: string): boolean {
  const { via = 'adapter', module = 'full', upgrade: options = {} } = readSpec(url);
  return (
    ['adapter', 'raise', 'reject403'].includes(via) && module === 'full' && Object.keys(options).length === 0
  );
}

function setHeaders({ httpAdapter }: HttpAdapterHost, response: unknown, { spec }: Order): void {
  for (const [name, value] of spec.resp_headers ?? []) httpAdapter.setHeader(response, name, value);
}
