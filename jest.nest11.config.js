// test/e2e and the samples once more, with everything that test/nest11/package.json lists taken from there.
import { readFileSync } from 'node:fs';
import base from './jest.config.js';

const { dependencies } = JSON.parse(
  readFileSync(new URL('test/nest11/package.json', import.meta.url), 'utf8'),
);

const installed = Object.keys(dependencies).map((name) => [
  `^${name}(/.*)?$`,
  `<rootDir>/test/nest11/node_modules/${name}$1`,
]);

/** @type {import('jest').Config} */
export default {
  ...base,
  roots: ['<rootDir>/test/e2e', '<rootDir>/sample'],
  setupFiles: ['<rootDir>/test/nest11/assert-version.js'],
  moduleNameMapper: { ...Object.fromEntries(installed), ...base.moduleNameMapper },
};
