// npm run build: src/ → dist/esm and dist/cjs.
import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { compile, fail, root } from './run.js';

export async function buildEsm() {
  rmSync(path.join(root, 'dist/esm'), { recursive: true, force: true });
  await compile('tsconfig.esm.json');
}

export async function buildCjs() {
  rmSync(path.join(root, 'dist/cjs'), { recursive: true, force: true });
  await compile('tsconfig.cjs.json');
  writeFileSync(path.join(root, 'dist/cjs/package.json'), '{ "type": "commonjs" }\n');
}

if (process.argv[1] === import.meta.filename) await Promise.all([buildEsm(), buildCjs()]).catch(fail);
