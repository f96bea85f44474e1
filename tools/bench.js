// npm run bench [-- --only pattern] [--quick] [--smoke] [--json] [--rounds n]: installs the peers, builds what is missing or
// stale (the package, the benchmarks, the load generator), and runs bench/run.ts.
import { existsSync, mkdirSync, readdirSync, rmSync, statSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { buildEsm } from './build.js';
import { install } from './install.js';
import { compile, fail, node, root, run } from './run.js';

const bench = path.join(root, 'bench');
const built = path.join(bench, '.built');

const timeOf = (file) => (existsSync(file) ? statSync(file).mtimeMs : 0);

/** When the last of the folder's sources was written. */
function latestIn(folder, recursive = false) {
  const files = readdirSync(folder, { recursive }).filter((file) => /\.(ts|json)$/.test(file));
  return Math.max(...files.map((file) => timeOf(path.join(folder, file))));
}

/** The servers import this package by its name; their own package.json hides it. */
function linkPackage() {
  const link = path.join(bench, 'node_modules/nestjs-websock');
  if (!existsSync(link)) symlinkSync(root, link, 'junction');
}

async function buildPackage() {
  if (latestIn(path.join(root, 'src'), true) >= timeOf(path.join(root, 'dist/esm/index.js')))
    await buildEsm();
}

async function buildBench() {
  const main = path.join(built, 'js/run.js');
  const sources = Math.max(latestIn(bench), latestIn(path.join(bench, 'servers')));
  if (Math.max(sources, timeOf(path.join(root, 'dist/esm/index.js'))) < timeOf(main)) return;
  rmSync(path.join(built, 'js'), { recursive: true, force: true });
  await compile('bench/tsconfig.json');
}

async function buildLoad() {
  const source = path.join(bench, 'load/wsload.c');
  const target = path.join(built, 'wsload');
  if (timeOf(source) < timeOf(target)) return;
  mkdirSync(built, { recursive: true });
  const compiler = process.env.CC ?? 'cc';
  await run(compiler, ['-O2', '-o', target, source]).catch((error) => {
    throw new Error(
      error.code === 'ENOENT'
        ? `The load generator is a C program for Linux, and there is no C compiler "${compiler}": install gcc, or name one in CC.`
        : `The load generator cannot be built (it is for Linux): ${error.message}`,
    );
  });
}

async function start() {
  await install('bench');
  linkPackage();
  await buildPackage();
  await Promise.all([buildBench(), buildLoad()]);
  // It has said itself what failed.
  await node(path.join(built, 'js/run.js'), ...process.argv.slice(2)).catch(() => (process.exitCode = 1));
}

await start().catch(fail);
