import { execFile } from 'node:child_process';
import { describe, expect, it } from '@jest/globals';
import { root } from '../docs/pages.js';
import { difference, tableIn, withTable } from './page.js';
import { cellIn, tableOf, type Outcome } from './table.js';

const play = ['--import', './test/support/typescript.js', 'test/close-codes/play.ts', '--check'];

/** A client that comes back, unless told otherwise. */
function outcome(given: Partial<Outcome> = {}): Outcome {
  return {
    client: { name: 'ws' },
    code: 1012,
    draw: 0,
    returnedAfter: 1_003,
    isResubscribed: true,
    told: { end: ['`close`'], back: ['`open`'] },
    ...given,
  };
}

const gone: Partial<Outcome> = {
  returnedAfter: undefined,
  isResubscribed: false,
  told: { end: ['`close`', '`end` (code)'], back: [] },
};

/** The cells of the first table, and of the second, without the client's. */
function cellsOf(...outcomes: Outcome[]): [delays: string[], told: string[]] {
  const rows = tableOf(outcomes)
    .split('\n')
    .filter((line) => line.startsWith('| `ws`'))
    .map((line) => line.slice(2, -2).split(' | ').slice(1));
  return [rows[0]!, rows[1]!];
}

describe('docs/close-codes.md', () => {
  it('says what the clients do; if it does not, npm run close-codes writes it anew', async () => {
    const printed = await new Promise<string>((resolve) => {
      execFile(process.execPath, play, { cwd: root }, (_error, stdout, stderr) => resolve(stdout + stderr));
    });
    expect(printed).toContain('docs/close-codes.md says so.');
  }, 180_000);
});

describe('the tables', () => {
  it('have a delay for each code, and what the app is told', () => {
    expect(cellsOf(outcome(), outcome({ code: 1011, returnedAfter: 12 }))).toEqual([
      ['1 s', 'at once'],
      ['yes', '`close`', '`open`', '–'],
    ]);
  });

  it('have the shortest and the longest delay of all draws, rounded down', () => {
    const [delays] = cellsOf(
      outcome({ draw: 0.3, returnedAfter: 1_210 }),
      outcome({ draw: 0.9, returnedAfter: 1_980 }),
      outcome({ draw: 0.1, returnedAfter: 740 }),
    );
    expect(delays).toEqual(['0.5–2 s']);
  });

  it('count the fastest of several with one draw: the others waited for the machine', () => {
    const [delays] = cellsOf(outcome({ returnedAfter: 1_900 }), outcome(), outcome({ returnedAfter: 2_300 }));
    expect(delays).toEqual(['1 s']);
  });

  it('show a client that gives up, and what it tells', () => {
    expect(cellsOf(outcome({ isResubscribed: false }), outcome({ code: 1008, ...gone }))).toEqual([
      ['1 s', '**gives up**'],
      ['**no**', '`close`', '`open`', '`close`, `end` (code)'],
    ]);
  });

  it('are read again by client and code', () => {
    const other = outcome({ client: { name: 'mqtt' }, code: 1006, returnedAfter: 230 });
    const table = tableOf([
      outcome(),
      outcome({ code: 1006, ...gone }),
      outcome({ ...other, code: 1012 }),
      other,
    ]);
    expect(cellIn(table, 'ws', 1006)).toBe('**gives up**');
    expect(cellIn(table, 'mqtt', 1006)).toBe('0.2 s');
    expect(cellIn(table, 'ws', 1000)).toBeUndefined();
    expect(cellIn(table, 'aedes', 1006)).toBeUndefined();
    expect(cellIn('', 'ws', 1006)).toBeUndefined();
  });

  it('show where it depends on the draw, or on the code', () => {
    const other = { code: 1008, told: { end: ['`error`'], back: ['`open`'] } };
    expect(cellsOf(outcome(), outcome({ draw: 0.5, ...gone }), outcome(other))).toEqual([
      ['1 s, or gives up', '1 s'],
      ['yes', '`close`; or `error`', '`open`', '`close`, `end` (code)'],
    ]);
  });
});

describe('the page', () => {
  const page = 'before\n<!-- made by npm run close-codes -->\n| a |\n<!-- end -->\nafter';

  it('gets new tables between its marks', () => {
    const changed = withTable(page, '| b |\n| c |');
    expect(tableIn(page)).toBe('| a |');
    expect(tableIn(changed)).toBe('| b |\n| c |');
    expect(withTable(changed, '| a |')).toBe(page);
  });

  it('is refused without marks', () => {
    expect(() => tableIn('| a |')).toThrow('no place for the tables');
  });

  it('is told apart from what is measured line by line', () => {
    expect(difference('| a |\n| b |', '| a |\n| c |')).toBe('- | b |\n+ | c |');
  });
});
