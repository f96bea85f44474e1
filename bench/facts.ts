import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { contenderOf, type ContenderName } from './servers/index.js';

/** When, of what and where something was measured. */
export interface Facts {
  readonly date: string;
  readonly commit: string;
  readonly node: string;
  readonly machine: string;
  readonly versions: Readonly<Record<string, string>>;
}

export function factsOf(servers: readonly ContenderName[]): Facts {
  const packages = ['@nestjs/core', ...servers.map((server) => contenderOf(server).package)];
  return {
    date: new Date().toISOString(),
    commit: commit(),
    node: process.version,
    machine: machine(),
    versions: Object.fromEntries(packages.map((name) => [name, versionOf(name)])),
  };
}

function machine(): string {
  const cpus = os.cpus();
  const memory = Math.round(os.totalmem() / 2 ** 30);
  return `${cpus[0]?.model.trim()}, ${cpus.length} CPUs, ${memory} GiB, ${os.type()} ${os.release()}`;
}

function commit(): string {
  try {
    return `${git('rev-parse', '--short', 'HEAD')}${git('status', '--porcelain', '-uno') === '' ? '' : ' with changes'}`;
  } catch {
    // A copy without its repository.
    return 'unknown';
  }
}

const git = (...args: string[]) =>
  execFileSync('git', args, {
    cwd: import.meta.dirname,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  }).trim();

/** Of the copy that the servers import. */
function versionOf(name: string): string {
  let folder = import.meta.dirname;
  while (!existsSync(path.join(folder, 'node_modules', name, 'package.json'))) {
    if (folder === path.dirname(folder)) return 'unknown';
    folder = path.dirname(folder);
  }
  const file = path.join(folder, 'node_modules', name, 'package.json');
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}
