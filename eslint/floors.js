import path from 'node:path';

/**
 * The house rule of src/: a file imports its own folder or a lower floor, and only some folders may import
 * packages. CONTRIBUTING.md draws the picture. A folder that is not listed here is an error.
 */
const FLOORS = [
  ['websock'],
  ['telemetry', 'clause'],
  ['connection', 'upgrade', 'pubsub'],
  ['cluster'],
  ['server', 'engine', 'hosting'],
  ['nest'],
  ['', 'testing', 'msgpack', 'opentelemetry', 'uws', 'dashboard'], // '' is a file directly in src/, an entry point
];

/** A package, and the files of src/ that may import it; specs may import any. Node's own modules are free. */
const PACKAGES = [
  [/^@nestjs\/testing(\/|$)/, /^testing\//],
  [/^(@nestjs\/[^/]+|rxjs|reflect-metadata)(\/|$)/, /^(nest\/|testing\/|dashboard\/|index\.ts$)/],
  [/^@standard-schema\/spec$/, /^(clause|nest)\//],
  [/^msgpackr$/, /^(msgpack|cluster)\//],
  [/^@opentelemetry\/api$/, /^opentelemetry\//],
  [/^ws$/, /^(server\/ws[^/]*$|testing\/)/],
];

const ENTRY_POINT = /^([^/]+|(testing|msgpack|opentelemetry|uws|dashboard)\/index)\.ts$/;
const SPEC = /\.spec\.ts$/;

const floorOf = (folder) => FLOORS.findIndex((folders) => folders.includes(folder));
const folderOf = (file) => (file.includes('/') ? file.slice(0, file.indexOf('/')) : '');

/** Why `file` may not import `target`, both relative to src/; undefined if it may. */
function checkFile(file, target) {
  if (target.startsWith('../')) {
    return SPEC.test(file) ? undefined : 'src/ imports nothing outside src/';
  }
  if (ENTRY_POINT.test(target) && !ENTRY_POINT.test(file)) {
    return 'import the file itself, not an entry point';
  }
  const [from, to] = [folderOf(file), folderOf(target)];
  if (from === to) return undefined;
  if (floorOf(to) < 0) return `"${to}/" has no floor yet: give it one in eslint/floors.js`;
  if (floorOf(to) < floorOf(from)) return undefined;
  return floorOf(to) === floorOf(from)
    ? `"${from}/" and "${to}/" are on one floor: meet above, or through a port that the lower side declares`
    : `"${to}/" is above "${from}/"`;
}

/** Why `file` may not import the package `name`. */
function checkPackage(file, name) {
  if (SPEC.test(file)) return undefined;
  if (name.startsWith('node:')) return undefined;
  const allowed = PACKAGES.find(([pattern]) => pattern.test(name))?.[1];
  if (!allowed) return `no file of src/ imports "${name}" (eslint/floors.js lists what may be)`;
  return allowed.test(file) ? undefined : `"${name}" is imported only by ${allowed.source}`;
}

export const floors = {
  meta: {
    type: 'problem',
    messages: {
      import: 'Floors: {{reason}}.',
      barrel: 'Floors: re-exports belong to entry points (src/*.ts, src/testing/index.ts and its like).',
      folder: 'Floors: "{{folder}}/" has no floor yet: give it one in eslint/floors.js.',
    },
  },
  create(context) {
    const src = path.join(context.cwd, 'src');
    const file = path.relative(src, context.filename).split(path.sep).join('/');

    function check(source) {
      if (typeof source?.value !== 'string') return;
      const relative = /^\.{1,2}(\/|$)/.test(source.value);
      const target = path.join(path.dirname(context.filename), source.value).replace(/\.js$/, '.ts');
      const reason = relative
        ? checkFile(file, path.relative(src, target).split(path.sep).join('/'))
        : checkPackage(file, source.value);
      if (reason) context.report({ node: source, messageId: 'import', data: { reason } });
    }

    function checkReExport(node) {
      if (!node.source) return;
      if (!ENTRY_POINT.test(file)) context.report({ node, messageId: 'barrel' });
      check(node.source);
    }

    return {
      Program(node) {
        const folder = folderOf(file);
        if (floorOf(folder) < 0) context.report({ node, messageId: 'folder', data: { folder } });
      },
      ImportDeclaration: (node) => check(node.source),
      ImportExpression: (node) => check(node.source),
      TSImportType: (node) => check(node.source ?? node.argument?.literal),
      ExportNamedDeclaration: checkReExport,
      ExportAllDeclaration: checkReExport,
    };
  },
};
