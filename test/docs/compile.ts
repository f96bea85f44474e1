import { transformSync, type Options } from '@swc/core';
import path from 'node:path';
import ts from 'typescript';
import { root, type Snippet } from './pages.js';

export type ModuleKind = 'esm' | 'cjs';

/** `nest new`'s tsconfig.json (@nestjs/schematics 11), `baseUrl` left out: TypeScript 6 no longer takes it. */
const NEST_CLI: ts.CompilerOptions = {
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  resolvePackageJsonExports: true,
  esModuleInterop: true,
  isolatedModules: true,
  declaration: true,
  removeComments: true,
  emitDecoratorMetadata: true,
  experimentalDecorators: true,
  allowSyntheticDefaultImports: true,
  target: ts.ScriptTarget.ES2023,
  sourceMap: true,
  skipLibCheck: true,
  strictNullChecks: true,
  forceConsistentCasingInFileNames: true,
};

/** `nest new` asks whether to be strict. */
const STRICT = ['noImplicitAny', 'strictBindCallApply', 'noFallthroughCasesInSwitch'] as const;

/** Where the snippets pretend to be: nothing is written there. */
const FOLDER = path.join(root, 'test/docs/.snippets');

/** What tsc says about the snippets, each a file of its own in an app of the given kind. */
export function compileWithTsc(snippets: readonly Snippet[], kind: ModuleKind, strict: boolean): string[] {
  const options: ts.CompilerOptions = {
    ...NEST_CLI,
    ...Object.fromEntries(STRICT.map((name) => [name, strict])),
    strict: false,
    noEmit: true,
    types: ['node'],
    paths: {
      'nestjs-websock': [path.join(root, 'src/index.ts')],
      'nestjs-websock/core': [path.join(root, 'src/core.ts')],
      'nestjs-websock/gateway': [path.join(root, 'src/gateway.ts')],
      'nestjs-websock/msgpack': [path.join(root, 'src/msgpack/index.ts')],
      'nestjs-websock/nats': [path.join(root, 'src/nats.ts')],
      'nestjs-websock/opentelemetry': [path.join(root, 'src/opentelemetry/index.ts')],
      'nestjs-websock/redis': [path.join(root, 'src/redis.ts')],
      'nestjs-websock/telemetry': [path.join(root, 'src/telemetry.ts')],
      'nestjs-websock/testing': [path.join(root, 'src/testing/index.ts')],
      // The build on the registry has the same types, in another place.
      'uWebSockets.js': [path.join(root, 'node_modules/@trufflesuite/uws-js-unofficial/docs/index.d.ts')],
      'nestjs-websock/uws': [path.join(root, 'src/uws/index.ts')],
    },
  };
  const files = new Map(snippets.map((snippet, i) => [path.join(FOLDER, `${i}.ts`), snippet]));
  const host = hostFor(files, kind, options);
  const program = ts.createProgram([...files.keys()], options, host);
  return [...files].flatMap(([name, { where }]) =>
    ts
      .getPreEmitDiagnostics(program, program.getSourceFile(name))
      .map((diagnostic) => `${where}: ${ts.flattenDiagnosticMessageText(diagnostic.messageText, '\n')}`),
  );
}

function hostFor(
  files: Map<string, Snippet>,
  kind: ModuleKind,
  options: ts.CompilerOptions,
): ts.CompilerHost {
  const host = ts.createCompilerHost(options);
  const manifest = path.join(FOLDER, 'package.json');
  const virtual = (name: string) =>
    name === manifest
      ? JSON.stringify({ type: kind === 'esm' ? 'module' : 'commonjs' })
      : files.get(path.normalize(name))?.code;
  const { readFile, fileExists } = host;
  host.readFile = (name) => virtual(name) ?? readFile(name);
  host.fileExists = (name) => virtual(name) !== undefined || fileExists(name);
  return host;
}

/** JavaScript as swc makes it with the settings that Nest's documentation gives. */
export function compileWithSwc({ where, code }: Snippet, kind: ModuleKind): string {
  const options: Options = {
    filename: where,
    swcrc: false,
    jsc: {
      parser: { syntax: 'typescript', decorators: true },
      transform: { legacyDecorator: true, decoratorMetadata: true },
      target: 'es2022',
      keepClassNames: true,
    },
    module: { type: kind === 'esm' ? 'es6' : 'commonjs' },
  };
  return transformSync(code, options).code;
}
