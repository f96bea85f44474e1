import { initTRPC, tracked } from '@trpc/server';
import { z } from 'zod';
import type { Journal } from './journal.js';

/** Who writes: for all procedures of a connection. */
export interface Visit {
  readonly name: string;
}

const { router, procedure } = initTRPC.context<Visit>().create();

export type JournalRouter = ReturnType<typeof routerOn>;

export function routerOn(journal: Journal) {
  return router({
    me: procedure.query(({ ctx }) => ctx.name),

    write: procedure
      .input(z.string().trim().min(1).max(500))
      .mutation(({ ctx, input }) => journal.append(`${ctx.name}: ${input}`)),

    /** The client's link says the last id that it has got when it comes back; tracked() is how it knows. */
    follow: procedure
      .input(z.object({ lastEventId: z.coerce.number().int().min(0).optional() }).optional())
      .subscription(async function* ({ input, signal }) {
        for await (const entry of journal.after(input?.lastEventId ?? 0, signal!))
          yield tracked(String(entry.id), entry);
      }),
  });
}
