import type { AbstractHttpAdapter } from '@nestjs/core';

/** A layer of Express's router; one with a route stands for it. */
interface Layer {
  readonly route?: {
    readonly path: unknown;
    readonly methods: { readonly get?: boolean; readonly _all?: boolean };
  };
  match(path: string): boolean;
}

/** Express 5, as far as is needed here. */
interface ExpressApp {
  readonly router?: { readonly stack?: Layer[] };
}

/**
 * Express serves the first route that fits, in the order of registration; so a wildcard of any controller would take the paths
 * of handlers that come behind it. Moves these before the first route that takes all their requests. Of the other
 * routes none changes its place. To be called once the router has its routes; Fastify looks for the closest route by itself.
 */
export function putHandlersFirst(paths: readonly string[], httpAdapter: AbstractHttpAdapter): void {
  if (httpAdapter.getType() !== 'express') return;
  const stack = httpAdapter.getInstance<ExpressApp>().router?.stack;
  if (stack === undefined) return;
  for (const path of paths.map((path) => httpAdapter.normalizePath?.(path) ?? path)) putFirst(path, stack);
}

function putFirst(path: string, stack: Layer[]): void {
  const isOurs = ({ route }: Layer) => route?.path === path && route.methods.get === true;
  // Read as a request, the pattern stands for all of its own: only what is more general takes it.
  const first = stack.findIndex((layer) => isOurs(layer) || (answersGet(layer) && layer.match(path)));
  if (first < 0) return;
  const ours = stack.slice(first).filter(isOurs);
  const others = stack.slice(first).filter((layer) => !isOurs(layer));
  stack.splice(first, stack.length, ...ours, ...others);
}

function answersGet({ route }: Layer): boolean {
  return route !== undefined && (route.methods.get === true || route.methods._all === true);
}
