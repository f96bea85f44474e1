import { type } from 'arktype';
import * as v from 'valibot';
import { z } from 'zod';
import type { Issue } from '../websock/errors.js';
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { closestIssues, plainIssues } from './issues.js';

describe('closestIssues', () => {
  /** What schemas have against a value: where, joined. */
  function complaints(value: unknown, ...schemas: readonly StandardSchemaV1[]): string[] {
    const refusals = schemas.map((schema) => {
      const { issues } = schema['~standard'].validate(value) as StandardSchemaV1.FailureResult;
      return plainIssues(issues);
    });
    return closestIssues(refusals).map(({ path }) => path.join('.'));
  }

  describe.each<[string, readonly StandardSchemaV1[]]>([
    [
      'zod',
      [
        z.object({ type: z.literal('add'), text: z.string(), x: z.number().max(9) }),
        z.object({ type: z.literal('move'), id: z.number(), x: z.number().max(9) }),
        z.object({ type: z.literal('leave') }),
      ],
    ],
    [
      'valibot',
      [
        v.object({ type: v.literal('add'), text: v.string(), x: v.pipe(v.number(), v.maxValue(9)) }),
        v.object({ type: v.literal('move'), id: v.number(), x: v.pipe(v.number(), v.maxValue(9)) }),
        v.object({ type: v.literal('leave') }),
      ],
    ],
    [
      'arktype',
      [
        type({ type: "'add'", text: 'string', x: 'number <= 9' }),
        type({ type: "'move'", id: 'number', x: 'number <= 9' }),
        type({ type: "'leave'" }),
      ],
    ],
  ])('of %s', (_, schemas) => {
    const [add, move, leave] = schemas as [StandardSchemaV1, StandardSchemaV1, StandardSchemaV1];

    it('are those of the only schema', () => {
      expect(complaints({ type: 'add' }, add).sort()).toEqual(['text', 'x']);
    });

    it('are all those of the kind that the message is of', () => {
      expect(complaints({ type: 'add', text: 1, x: 10 }, ...schemas).sort()).toEqual(['text', 'x']);
      expect(complaints({ x: 10, text: 1, type: 'add' }, move, add, leave).sort()).toEqual(['text', 'x']);
      expect(complaints({ type: 'add', text: '', x: 10 }, ...schemas)).toEqual(['x']);
      expect(complaints({ type: 'move', x: 1 }, ...schemas)).toEqual(['id']);
      expect(complaints({ type: 'move', x: 10 }, add, move).sort()).toEqual(['id', 'x']);
    });

    it('name the kinds that there are where it is of none, and nothing else', () => {
      expect(complaints({ type: 'shout' }, ...schemas)).toEqual(['type', 'type', 'type']);
      expect(new Set(complaints({}, ...schemas))).toEqual(new Set(['type']));
    });

    it('say the same thing once', () => {
      expect(complaints('no object', ...schemas)).toEqual(['']);
    });

    it('are those of both where neither is closer', () => {
      expect(complaints({ type: 'add', text: 1, x: 1 }, add, leave)).toEqual(['text', 'type']);
    });
  });

  it('go by the field that tells the most kinds apart', () => {
    const atMost = (kind: string, x: number) => z.object({ type: z.literal(kind), x: z.number().max(x) });
    const kinds = [
      atMost('add', 9),
      atMost('move', 5),
      atMost('drag', 10),
      z.object({ type: z.literal('leave') }),
    ];
    expect(complaints({ type: 'add', x: 10 }, ...kinds)).toEqual(['x']);
  });

  it('are none of a schema that gives none', () => {
    const refused: readonly Issue[] = [{ path: ['a'], message: 'refused' }];
    expect(closestIssues([[], refused])).toEqual([]);
  });
});
