import { Logger } from '@nestjs/common';
import type { ServedHandler } from './handler-routes.js';
import { LOG_CONTEXT } from './websock.logger.js';

/** One line per handler. */
export function logServed(handlers: readonly ServedHandler[]): void {
  const logger = new Logger(LOG_CONTEXT);
  for (const { name, paths } of handlers) {
    logger.log(
      `${name} ${paths.length > 0 ? `{${paths.join(', ')}}` : '(no path, by upgrade())'}: WebSocket`,
    );
  }
}

/** For an application context, a microservice and the like. */
export function warnOfNoServer(handlers: readonly string[]): void {
  if (handlers.length === 0) return;
  const names = handlers.join(', ');
  new Logger(LOG_CONTEXT).warn(
    `This app has no HTTP server, so its WebSocket handlers are not served: ${names}`,
  );
}

/** Nothing is constructed then, so nobody knows which. */
export function warnOfPreview(): void {
  new Logger(LOG_CONTEXT).warn('In preview mode WebSocket handlers are not served');
}
