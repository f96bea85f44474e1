import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { AppModule } from '../app.js';
import { portOf, ready } from './ready.js';

const logger = ['warn', 'error'] as const;
const app =
  process.env.ADAPTER === 'fastify'
    ? await NestFactory.create<NestFastifyApplication>(AppModule, new FastifyAdapter(), {
        logger: [...logger],
      })
    : await NestFactory.create(AppModule, { logger: [...logger] });
await app.listen(0, '127.0.0.1');
ready(portOf(app.getHttpServer()));
