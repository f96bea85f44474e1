import { startCore } from './core.js';
import { startNest } from './nest.js';
import type { StartStack } from './stack.js';

const STACKS: Readonly<Record<string, StartStack>> = {
  express: startNest('express'),
  fastify: startNest('fastify'),
  core: startCore,
};

export const STACK_NAMES = Object.keys(STACKS);

export function startStack(name: string): StartStack {
  const start = STACKS[name];
  if (start === undefined) throw new Error(`unknown stack ${name}; there are ${STACK_NAMES.join(', ')}`);
  return start;
}
