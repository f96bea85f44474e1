// Fails each test file of this run unless every Nest package comes from here and is version 11.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

// As src/ resolves it, not as this folder does.
const require = createRequire(path.resolve(import.meta.dirname, '../../src/index.ts'));
const { dependencies } = JSON.parse(readFileSync(path.join(import.meta.dirname, 'package.json'), 'utf8'));

/** These count for themselves; the versions are the ones for Nest 11. */
const OWN_MAJORS = { '@nestjs/graphql': '13.', '@nestjs/cache-manager': '3.' };
const majorOf = (name) => OWN_MAJORS[name] ?? '11.';

for (const name of Object.keys(dependencies).filter((name) => name.startsWith('@nestjs/'))) {
  const file = require.resolve(`${name}/package.json`);
  const { version } = JSON.parse(readFileSync(file, 'utf8'));
  if (!version.startsWith(majorOf(name)) || !file.startsWith(import.meta.dirname + path.sep)) {
    throw new Error(`${name} resolves to ${version} in ${file}, not to Nest 11 in test/nest11`);
  }
}
