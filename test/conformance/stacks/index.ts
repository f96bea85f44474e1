import { startCore } from './core.js';
import { startNest } from './nest.js';
import { startUws } from './uws.js';
import { HTTP1, HTTP2, UWS, type Transport } from '../transport.js';
import type { StartStack } from './stack.js';

const STACKS: Readonly<Record<string, StartStack>> = {
  express: startNest('express'),
  fastify: startNest('fastify'),
  http2: startNest('fastify', true),
  core: startCore,
  uws: startUws,
  // All reading left to ws.
  'plain-ws': (spec) => startCore({ ...spec, defaults: { ...spec.defaults, fastPath: false } }),
};

export const STACK_NAMES = Object.keys(STACKS);

export function startStack(name: string): StartStack {
  const start = STACKS[name];
  if (start === undefined) throw new Error(`unknown stack ${name}; there are ${STACK_NAMES.join(', ')}`);
  return start;
}

/** What its clients speak. */
export function transportOf(name: string): Transport {
  if (name === 'uws') return UWS;
  return name === 'http2' ? HTTP2 : HTTP1;
}
