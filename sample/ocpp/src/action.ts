import type { Awaitable } from 'nestjs-websock';
import type { z } from 'zod';
import { OcppError, type ErrorCode } from './protocol.js';

/** Answers calls for it; `throw new OcppError(code, message)` to refuse. */
export type Action = (payload: unknown, station: string) => Awaitable<object>;

/** An action whose payload a schema describes. */
export function action<T>(
  schema: z.ZodType<T>,
  answer: (payload: T, station: string) => Awaitable<object>,
): Action {
  return (payload, station) => answer(parse(schema, payload), station);
}

function parse<T>(schema: z.ZodType<T>, payload: unknown): T {
  const parsed = schema.safeParse(payload, { reportInput: true });
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new OcppError(codeOf(issue!), `${issue!.path.join('.')}: ${issue!.message}`);
}

function codeOf({ code, input }: z.core.$ZodIssue): ErrorCode {
  if (code !== 'invalid_type') return 'PropertyConstraintViolation';
  // JSON has no undefined: the field is missing.
  return input === undefined ? 'OccurenceConstraintViolation' : 'TypeConstraintViolation';
}
