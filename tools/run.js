import { spawn } from 'node:child_process';
import path from 'node:path';

export const root = path.resolve(import.meta.dirname, '..');

// By path, because typescript and typescript-7 both claim node_modules/.bin/tsc.
const tsc = path.join(root, 'node_modules/typescript/bin/tsc');

/** Runs a command with the terminal attached; rejects unless it exits with 0. */
export function run(command, args, { cwd = root, stdio = 'inherit' } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, stdio });
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      if (code === 0) return resolve();
      reject(new Error(`${[path.basename(command), ...args].join(' ')}: ${signal ?? `exit code ${code}`}`));
    });
  });
}

export const node = (...args) => run(process.execPath, args);

export const compile = (project) => node(tsc, '-p', project);

/** For a script's last line: the message without a stack, and an exit code. */
export function fail(error) {
  console.error(`\n${error.message}`);
  process.exitCode = 1;
}
