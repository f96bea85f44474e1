import { ContextIdFactory, type ContextId, type ModuleRef } from '@nestjs/core';
import { REQUEST_CONTEXT_ID } from '@nestjs/core/router/request/request-constants.js';

type ContextualRequest = Record<PropertyKey, unknown>;

/**
 * The id of the sub-tree of providers that a request has; where it has none it gets one. Does what Nest's router does for a
 * request-scoped controller, so that both come to the same, whichever is first.
 *
 * @param isDurable `REQUEST` is then what the `ContextIdStrategy` gives, never the request: the sub-tree outlives it
 */
export function contextIdOf(
  request: object,
  moduleRef: Pick<ModuleRef, 'registerRequestByContextId'>,
  isDurable: boolean,
): ContextId {
  const contextual = request as ContextualRequest;
  const contextId = ContextIdFactory.getByRequest(contextual);
  if (contextual[REQUEST_CONTEXT_ID] !== undefined) return contextId;
  Object.defineProperty(contextual, REQUEST_CONTEXT_ID, { value: contextId });
  const payload = contextId.payload as object | undefined;
  moduleRef.registerRequestByContextId(isDurable ? payload : Object.assign(contextual, payload), contextId);
  return contextId;
}
