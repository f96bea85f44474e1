import { fileURLToPath } from 'node:url';
import { transformFile } from '@swc/core';
import jest from '../../jest.config.js';

const [, options] = jest.transform['^.+\\.ts$'];

export function resolve(specifier, context, next) {
  const fromTypescript = specifier.startsWith('.') && context.parentURL?.endsWith('.ts');
  return next(fromTypescript ? specifier.replace(/\.js$/, '.ts') : specifier, context);
}

export async function load(url, context, next) {
  if (!url.endsWith('.ts')) return next(url, context);
  const { code } = await transformFile(fileURLToPath(url), { ...options, swcrc: false });
  return { format: 'module', source: code, shortCircuit: true };
}
