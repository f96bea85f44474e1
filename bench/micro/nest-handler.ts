import type { Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { Handler } from '../../src/connection/handler.js';
import { WebSockModule, WebSockServer } from '../../src/index.js';

/** A handler class as a booted app runs it. */
export async function nestHandler(handlerClass: Type<object>): Promise<Handler> {
  const root = { module: class BenchModule {}, imports: [WebSockModule], providers: [handlerClass] };
  const app = await NestFactory.create(root, { logger: false, abortOnError: false });
  await app.init();
  const prepared = app.get(WebSockServer).handlers.get(handlerClass) as { handler: Handler };
  return prepared.handler;
}
