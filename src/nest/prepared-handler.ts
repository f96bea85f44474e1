import {
  checkOptions,
  resolveOptions,
  type ResolvedOptions,
  type WebSockOptions,
} from '../websock/options.js';
import { compileHandler, type CompiledHandler } from './compiled-handler.js';
import { GUARDS, readMetadata } from './nest-metadata.js';
import { checkEnhancers, checkScope, type FoundHandler } from './websock.explorer.js';

/** A handler, checked at boot, and ready for connections. */
export interface PreparedHandler {
  readonly handler: CompiledHandler;
  /** The options that the handler sets itself. */
  readonly ownOptions: WebSockOptions;
  /** The same over the module's defaults, and complete. */
  readonly options: ResolvedOptions;
  /** Its class has guards. */
  readonly isGuarded: boolean;
}

/** @throws ConfigError for anything that is wrong with it */
export function prepareHandler(found: FoundHandler, defaults: WebSockOptions): PreparedHandler {
  const { handlerClass, metadata, wrapper } = found;
  const { options: ownOptions } = metadata;
  const where = `@WebSockHandler ${handlerClass.name}`;
  checkOptions(ownOptions, where);
  const options = resolveOptions(where, defaults, ownOptions);
  checkScope(found);
  const handler = compileHandler(handlerClass, Object(wrapper.instance) as object);
  checkEnhancers(found, handler.upgradeMethod);
  const isGuarded = (readMetadata<unknown[]>(GUARDS, handlerClass) ?? []).length > 0;
  return { handler, ownOptions, options, isGuarded };
}
