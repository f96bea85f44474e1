// npm run docs: the API reference, from the doc comments of everything that the entry points export, into dist/api.
import { readFileSync } from 'node:fs';

const read = (file) => readFileSync(new URL(file, import.meta.url), 'utf8');

const { name, version, repository, exports } = JSON.parse(read('package.json'));

/** From package.json, so that no entry point is forgotten: './dist/esm/core.js' is made of src/core.ts. */
const entryPoints = Object.values(exports)
  .filter((entry) => entry.import !== undefined)
  .map((entry) => entry.import.default.replace('./dist/esm/', 'src/').replace(/\.js$/, '.ts'));

/** The text of an error code is what there is to say about it. */
const errorCodes = read('src/websock/errors.ts').match(/(?<=^ {2})WEBSOCK_\w+(?=:)/gm);

/** @type {import('typedoc').TypeDocOptions} */
export default {
  name: `${name} ${version}`,
  entryPoints,
  tsconfig: 'tsconfig.esm.json',
  out: 'dist/api',
  // Its links lead to files, which only the repository has.
  readme: 'none',
  // A checkout need not have a remote, or be a git repository at all.
  disableGit: true,
  gitRevision: `v${version}`,
  displayBasePath: import.meta.dirname,
  sourceLinkTemplate: `${repository.url.replace(/^git\+|\.git$/g, '')}/blob/{gitRevision}/{path}#L{line}`,

  excludeExternals: true,
  excludeInternal: true,
  excludePrivate: true,

  treatWarningsAsErrors: true,
  validation: { notExported: true, invalidLink: true, notDocumented: true },
  requiredToBeDocumented: [
    'Module',
    'Enum',
    'EnumMember',
    'Variable',
    'Function',
    'Class',
    'Interface',
    'Property',
    'Method',
    'Accessor',
    'TypeAlias',
  ],
  intentionallyNotDocumented: errorCodes.map((code) => `nestjs-websock.ERROR_CODES.__type.${code}`),
};
