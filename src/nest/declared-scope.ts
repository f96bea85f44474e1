import { Injectable, type InjectableOptions } from '@nestjs/common';
import { ConfigError } from '../websock/errors.js';
import { INJECTABLE, readMetadata, SCOPE } from './nest-metadata.js';
import type { Type } from './nest-types.js';

/** The scope of a handler class, as decorators give it. */
export type DeclaredScope = Pick<InjectableOptions, 'scope' | 'durable'>;

/** A scope that `@Injectable()` has set stays, on the class itself or, where none is given here, on one that it extends. */
export function makeInjectable(target: object, { scope, durable }: DeclaredScope): void {
  const isScoped = scope !== undefined || durable !== undefined;
  const takesScope = isScoped && Reflect.getOwnMetadata(SCOPE, target) === undefined;
  if (takesScope) Injectable({ scope, durable })(target as Type);
  else if (!Reflect.hasMetadata(INJECTABLE, target)) Injectable()(target as Type);
}

/**
 * `@Injectable()` above `@WebSockHandler({ scope })` takes the scope away: all connections would share one instance.
 *
 * @throws ConfigError `WEBSOCK_HANDLER_SCOPE`
 */
export function checkDeclaredScope(handlerClass: Type, { scope, durable }: DeclaredScope): void {
  if ((!scope && !durable) || readMetadata(SCOPE, handlerClass) !== undefined) return;
  throw new ConfigError(
    'WEBSOCK_HANDLER_SCOPE',
    `@WebSockHandler ${handlerClass.name}: @Injectable() above it takes its scope away. Remove @Injectable(), or give it the scope`,
  );
}
