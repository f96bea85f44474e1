// npm start [-- sample]: builds the package and the samples, and runs one, 01-chat unless told otherwise.
import { cpSync, existsSync, rmSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { buildEsm } from './build.js';
import { compile, fail, root } from './run.js';

const sample = process.argv[2] ?? '01-chat';
const from = path.join(root, 'sample');
const to = path.join(root, 'dist/sample');

async function start() {
  if (!existsSync(path.join(from, sample, 'src/main.ts')))
    throw new Error(`There is no sample/${sample}/src/main.ts.`);
  await buildEsm();
  rmSync(to, { recursive: true, force: true });
  await compile('tsconfig.sample.json');
  // Pages and other files that a sample reads beside its code.
  cpSync(from, to, { recursive: true, filter: (file) => !/(\.ts|\.md|node_modules)$/.test(file) });
  await import(pathToFileURL(path.join(to, sample, 'src/main.js')).href);
}

await start().catch(fail);
