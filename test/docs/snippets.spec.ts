import { describe, expect, it } from '@jest/globals';
import vm from 'node:vm';
import { compileWithSwc, compileWithTsc, type ModuleKind } from './compile.js';
import { link } from './link.js';
import { PAGES, snippetsOf } from './pages.js';

const snippets = PAGES.flatMap(snippetsOf);
const KINDS: ModuleKind[] = ['esm', 'cjs'];
const NOT_ON_THE_REGISTRY = { 'uWebSockets.js': { App: undefined, SSLApp: undefined } };

describe('the snippets of README.md and docs/', () => {
  it('are found', () => {
    expect(snippets.length).toBeGreaterThan(5);
  });

  it('would be caught with a type imported as a value', () => {
    const code = `
      import { OnIn, push, WebSockHandler, DataMessage } from 'nestjs-websock';

      @WebSockHandler('echo')
      export class EchoHandler {
        @OnIn()
        echo(message: DataMessage, state: unknown) {
          return push(message, state);
        }
      }`;
    expect(compileWithTsc([{ where: 'here', code }], 'esm', false)).toEqual([
      expect.stringContaining("must be imported with 'import type'"),
    ]);
  });

  for (const kind of KINDS) {
    for (const strict of [false, true]) {
      const app = `an app of "nest new"${strict ? ' --strict' : ''}`;
      it(`compile with tsc in ${app}, ${kind}`, () => {
        expect(compileWithTsc(snippets, kind, strict)).toEqual([]);
      }, 60_000);
    }
  }

  for (const snippet of snippets) {
    it(`${snippet.where} compiles with swc and finds what it imports`, async () => {
      await link(compileWithSwc(snippet, 'esm'), snippet.where, NOT_ON_THE_REGISTRY);
      new vm.Script(compileWithSwc(snippet, 'cjs'));
    });
  }
});
