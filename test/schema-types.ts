// What test/types says of clauses, with the schemas of real libraries, which are installed in the repository only. Nothing here
// runs: npm run typecheck and npm run typecheck:ts7 compile it.
import { type } from 'arktype';
import * as v from 'valibot';
import { z } from 'zod';
import { ok, OnIn, OnInfo } from '../src/index.js';

const Zod = z.object({ type: z.literal('say'), at: z.string().transform((at) => new Date(at)) });
const Valibot = v.object({ type: v.literal('say'), at: v.pipe(v.string(), v.toDate()) });
const Arktype = type({ type: "'say'", at: 'string.date.parse' });
const Union = z.discriminatedUnion('type', [Zod, z.object({ type: z.literal('leave') })]);
const Checked = z.string().refine(async (name) => name !== '');

interface Say {
  readonly type: 'say';
  readonly at: Date;
}

export class Accepts {
  @OnIn(Zod)
  zod({ at }: Say) {
    return ok(at.getTime());
  }

  @OnIn(Valibot)
  async valibot({ at }: Say) {
    return ok(at.getTime());
  }

  @OnIn(Arktype)
  async *arktype({ at }: Say) {
    yield ok(at.getTime());
  }

  @OnIn(Union)
  union(message: Say | { type: 'leave' }) {
    return ok(message.type);
  }

  @OnInfo(Checked)
  checked(name: string) {
    return ok(name);
  }
}

export class Refuses {
  // @ts-expect-error: the input, not the output
  @OnIn(Zod)
  zod(_message: { type: 'say'; at: string }) {
    return ok(0);
  }

  // @ts-expect-error: the input, not the output
  @OnIn(Valibot)
  async valibot(_message: { type: 'say'; at: string }) {
    return ok(0);
  }

  // @ts-expect-error: the input, not the output
  @OnIn(Arktype)
  async *arktype(_message: { type: 'say'; at: string }) {
    yield ok(0);
  }

  // @ts-expect-error: one of the two kinds
  @OnIn(Union)
  union(_message: Say) {
    return ok(0);
  }

  // @ts-expect-error: another type
  @OnInfo(Checked)
  checked(_name: number) {
    return ok(0);
  }
}
