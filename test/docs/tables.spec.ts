import { readdir, readFile } from 'node:fs/promises';
import { describe, expect, it } from '@jest/globals';
import type { Meter } from '@opentelemetry/api';
import { resolveCluster, type ClusterOptions } from '../../src/cluster/cluster-options.js';
import { ConnectionMetrics } from '../../src/opentelemetry/connection-metrics.js';
import { telemetry } from '../../src/telemetry/events.js';
import { ERROR_CODES } from '../../src/websock/errors.js';
import {
  checkOptions,
  OPTION_NAMES,
  resolveCapacity,
  resolveDrainer,
  resolveOptions,
  type DrainerOptions,
  type WebSockOptions,
} from '../../src/websock/options.js';
import { FakeNetwork } from '../support/fake-network.js';
import { inCode, tableRows } from './pages.js';

type Row = [name: string, value: unknown];

/** Defaults that the tables put in words, with what they come to. */
const IN_WORDS: Record<string, unknown> = {
  '`timeout / 2`': 30_000,
  '`maxMessageSize`': 10_000_000,
  "`'same-host'` if the request has cookies, else `false`": undefined,
  '`{}`': {},
  none: undefined,
  'JSON text': undefined,
  MessagePack: undefined,
  '`Infinity`': Infinity,
};

/** Option and default of each row. */
function documented(page: string, heading: string): Row[] {
  return tableRows(page, heading).map(([name, value = '']) => [inCode(name), meaning(value)]);
}

function meaning(cell: string): unknown {
  return cell in IN_WORDS ? IN_WORDS[cell] : JSON.parse(inCode(cell).replaceAll('_', ''));
}

/** The names that an error for an unknown one lists. */
function knownTo(check: () => void): string[] {
  try {
    check();
  } catch (error) {
    return (error as Error).message.split('known are ')[1]!.split(', ');
  }
  throw new Error('the check passed');
}

describe('options', () => {
  const defaults = resolveOptions('test') as Record<string, unknown>;
  const expected: Row[] = OPTION_NAMES.map((name) => [name, defaults[name]]);

  it('are in docs/options.md as in the code, in order, with their defaults', () => {
    expect(documented('docs/options.md', 'Options of a handler')).toEqual(expected);
  });

  it('are in the README as in the code, in order, with their defaults', () => {
    expect(documented('README.md', 'Options')).toEqual(expected);
  });

  it('of the compression are all in docs/options.md', () => {
    const known = knownTo(() => checkOptions({ deflateOptions: { nope: 1 } } as WebSockOptions, 'test'));
    expect(tableRows('docs/options.md', '`deflateOptions`').map(([name]) => inCode(name))).toEqual(known);
  });

  it('of the drainer are all in docs/options.md, with their defaults', () => {
    const known = knownTo(() => void resolveDrainer({ nope: 1 } as DrainerOptions));
    const values = resolveDrainer() as unknown as Record<string, unknown>;
    expect(documented('docs/options.md', '`drainer`')).toEqual(known.map((name) => [name, values[name]]));
  });

  it('of the cluster are all in docs/options.md and docs/cluster.md, with their defaults', () => {
    const known = knownTo(() => void resolveCluster({ nope: 1 } as unknown as ClusterOptions));
    const values = resolveCluster({ engine: new FakeNetwork().engine('a') }) as unknown as Record<
      string,
      unknown
    >;
    const rows = documented('docs/options.md', '`cluster`');
    expect(rows.map(([name]) => name)).toEqual(known);
    for (const [name, value] of rows)
      if (typeof value === 'number') expect([name, value]).toEqual([name, values[name]]);
    expect(tableRows('docs/cluster.md', 'Options').map(([name]) => inCode(name))).toEqual(known);
  });

  it('of the capacity are all in docs/options.md, with their defaults', () => {
    const known = Object.entries(resolveCapacity({}));
    expect(documented('docs/options.md', 'Capacity')).toEqual(known);
  });
});

describe('telemetry', () => {
  it('has all channels in docs/telemetry.md as in the code, in order', () => {
    const rows = tableRows('docs/telemetry.md', 'Channels').map(([name, property]) =>
      [name, property].map(inCode),
    );
    const channels = Object.entries(telemetry).map(([property, { name }]) => [
      String(name).replace('nestjs-websock.', ''),
      property,
    ]);
    expect(rows).toEqual(channels);
  });

  it('has all metrics in docs/telemetry.md', () => {
    const made: string[] = [];
    const instrument = { addCallback() {} };
    const meter = new Proxy({} as Meter, {
      get: (_target, method: string) => (name: unknown) => {
        if (method.startsWith('create')) made.push(String(name));
        return instrument;
      },
    });
    new ConnectionMetrics(meter).stop();
    const rows = tableRows('docs/telemetry.md', 'OpenTelemetry').map(([name]) => inCode(name));
    expect(rows.filter((name) => name.startsWith('websocket.server.')).sort()).toEqual(made.sort());
  });
});

describe('error codes', () => {
  it('are all used', async () => {
    const files = await readdir('src', { recursive: true });
    const sources = files.filter(
      (file) => /(?<!\.spec)\.ts$/.test(file) && !file.endsWith('websock/errors.ts'),
    );
    const texts = await Promise.all(sources.map((file) => readFile(`src/${file}`, 'utf8')));
    const errors = await readFile('src/websock/errors.ts', 'utf8');
    const code = texts.join('') + errors.slice(errors.indexOf('export type ErrorCode'));
    expect(Object.keys(ERROR_CODES).filter((name) => !code.includes(`'${name}'`))).toEqual([]);
  });

  it('are in docs/errors.md as in the code, with their remedies', () => {
    const rows = tableRows('docs/errors.md', 'All codes').map(([code, remedy]) => [inCode(code), remedy]);
    expect(rows).toEqual(Object.entries(ERROR_CODES));
  });
});
