// Installs test/nest11 from its lockfile, unless that is what lies there already.
import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { fail, root, run } from './run.js';

const cwd = path.join(root, 'test/nest11');
const changed = (file) => statSync(path.join(cwd, file)).mtimeMs;

// npm writes this one last.
const installed = 'node_modules/.package-lock.json';

if (!existsSync(path.join(cwd, installed)) || changed(installed) < changed('package-lock.json')) {
  await run('npm', ['ci', '--no-audit', '--no-fund'], { cwd }).catch(fail);
}
