// npm run check:package: what npm would publish, as its users meet it. Needs a build.
import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '../..');
const modules = path.join(root, 'node_modules');
const nest11 = path.join(root, 'test/nest11/node_modules');
const { name, exports } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));

const entries = Object.keys(exports).filter((entry) => !entry.endsWith('.json'));

const NEST = ['@nestjs/common', '@nestjs/core', 'reflect-metadata', 'rxjs'];

/** What has to be installed beside the package for an entry to load, and nothing more. */
const PEERS = {
  '.': NEST,
  './core': [],
  './gateway': [...NEST, '@nestjs/platform-ws', '@nestjs/websockets'],
  './msgpack': ['msgpackr'],
  './nats': [],
  './opentelemetry': ['@opentelemetry/api'],
  './redis': [],
  './telemetry': [],
  './testing': [...NEST, '@nestjs/testing'],
  './uws': [],
};

const work = mkdtempSync(path.join(tmpdir(), `${name}-`));
try {
  const tarball = pack();
  console.log('publint');
  run(path.join(modules, 'publint/src/cli.js'), 'run', tarball, '--strict');
  console.log('\nattw');
  run(path.join(modules, '@arethetypeswrong/cli/dist/index.js'), tarball, '--format', 'ascii', '--no-emoji');
  console.log('');
  for (const [nest, peers] of [
    ['Nest 12', modules],
    ['Nest 11', nest11],
  ]) {
    console.log(`with ${nest}`);
    for (const entry of entries) load(entry, tarball, peers);
    for (const type of ['module', 'commonjs']) compileTypeTests(type, tarball, peers);
  }
} catch (error) {
  console.error(`\n${error.message}`);
  process.exitCode = 1;
} finally {
  rmSync(work, { recursive: true, force: true });
}

function run(script, ...args) {
  execFileSync(process.execPath, [script, ...args], { stdio: ['ignore', 'inherit', 'inherit'], cwd: work });
}

function pack() {
  const out = execFileSync('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', work], {
    cwd: root,
  });
  const [{ filename, files, size }] = Object.values(JSON.parse(out.toString()));
  const stray = files
    .map((file) => file.path)
    .filter((file) => /\.spec\.|^(src|test|sample|dist\/sample)\//.test(file));
  if (stray.length) throw new Error(`In the package by mistake: ${stray.join(', ')}`);
  console.log(`${filename}: ${files.length} files, ${Math.ceil(size / 1024)} kB\n`);
  return path.join(work, filename);
}

/** A project with the packed package and the `needed` packages of the folder `peers` installed. */
function project(tarball, peers, needed) {
  const dir = mkdtempSync(path.join(work, 'project-'));
  const target = path.join(dir, 'node_modules', name);
  mkdirSync(target, { recursive: true });
  execFileSync('tar', ['-xzf', tarball, '-C', target, '--strip-components=1']);
  link('ws', modules);
  link('@standard-schema/spec', modules);
  // What is not in the folder of Nest 11 does not depend on Nest.
  for (const peer of needed) link(peer, existsSync(path.join(peers, peer)) ? peers : modules);
  return dir;

  function link(dependency, from) {
    const to = path.join(dir, 'node_modules', dependency);
    mkdirSync(path.dirname(to), { recursive: true });
    symlinkSync(path.join(from, dependency), to, 'dir');
  }
}

/** Imports and requires an entry in a project without any optional package; both must offer the same names. */
function load(entry, tarball, peers) {
  if (!PEERS[entry]) throw new Error(`Say in test/package/check.js what "${entry}" needs.`);
  const dir = project(tarball, peers, PEERS[entry]);
  const specifier = JSON.stringify(path.posix.join(name, entry));
  writeFileSync(
    path.join(dir, 'a.mjs'),
    `import * as m from ${specifier}; console.log(Object.keys(m).sort().join());`,
  );
  writeFileSync(path.join(dir, 'a.cjs'), `console.log(Object.keys(require(${specifier})).sort().join());`);
  const [esm, cjs] = ['a.mjs', 'a.cjs'].map((file) =>
    execFileSync(process.execPath, ['--disable-warning=ExperimentalWarning', path.join(dir, file)])
      .toString()
      .trim(),
  );
  if (esm !== cjs) throw new Error(`${specifier}: import has ${esm}; require has ${cjs}`);
  console.log(`  ${specifier} loads as ESM and as CommonJS: ${esm.split(',').filter(Boolean).length} names`);
}

/** test/types against the published types, in a user's project whose tsc looks into our d.ts too. */
function compileTypeTests(type, tarball, peers) {
  const dir = project(tarball, peers, [...new Set(Object.values(PEERS).flat()), '@types/node']);
  const types = path.join(dir, 'types');
  cpSync(path.join(root, 'test/types'), types, {
    recursive: true,
    filter: (file) => !file.endsWith('.json'),
  });
  const imports = entries.map((entry) => `import ${JSON.stringify(path.posix.join(name, entry))};\n`);
  writeFileSync(path.join(types, 'every-entry.ts'), imports.join(''));
  writeFileSync(path.join(dir, 'package.json'), JSON.stringify({ type }));
  const { compilerOptions } = JSON.parse(readFileSync(path.join(root, 'tsconfig.json'), 'utf8'));
  const options = { ...compilerOptions, paths: {}, types: ['node'], skipLibCheck: false };
  writeFileSync(
    path.join(dir, 'tsconfig.json'),
    JSON.stringify({ compilerOptions: options, include: ['types'] }),
  );
  run(path.join(modules, 'typescript-7/bin/tsc'), '-p', dir);
  console.log(`  test/types compiles against the published types (${type})`);
}
