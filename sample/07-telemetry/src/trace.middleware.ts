import { Injectable, type NestMiddleware } from '@nestjs/common';
import { trace } from '@opentelemetry/api';
import type { IncomingMessage, ServerResponse } from 'node:http';

/** A span for each HTTP request, upgrades included. `@opentelemetry/instrumentation-http` makes them in an app of yours. */
@Injectable()
export class TraceMiddleware implements NestMiddleware {
  use(request: IncomingMessage & { originalUrl: string }, response: ServerResponse, next: () => void): void {
    trace.getTracer('http').startActiveSpan(`${request.method} ${request.originalUrl}`, (span) => {
      response.once('close', () => span.setAttribute('http.response.status_code', response.statusCode).end());
      next();
    });
  }
}
