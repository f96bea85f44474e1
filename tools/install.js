import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { root, run } from './run.js';

// npm writes this one last.
const INSTALLED = 'node_modules/.package-lock.json';

/** Installs a folder from its lockfile, unless that is what lies there already. What npm says goes to stderr. */
export async function install(folder) {
  const cwd = path.join(root, folder);
  const changed = (file) => statSync(path.join(cwd, file)).mtimeMs;
  if (existsSync(path.join(cwd, INSTALLED)) && changed(INSTALLED) >= changed('package-lock.json')) return;
  await run('npm', ['ci', '--no-audit', '--no-fund'], { cwd, stdio: ['inherit', process.stderr, 'inherit'] });
}
