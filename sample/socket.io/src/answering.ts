import { HttpException, Logger } from '@nestjs/common';
import { ZodError, type ZodType } from 'zod';
import type { Answer } from './events.js';

/**
 * A listener of socket.io for what any client may send. socket.io calls listeners from the event loop, where one that throws or rejects ends
 * the process: here the client gets what was wrong as the answer.
 */
export function answering<Input, Value>(
  schema: ZodType<Input>,
  work: (input: Input) => Value | Promise<Value>,
): (given: unknown, done: unknown) => Promise<void> {
  return async (given, done) => {
    // A client that wants no answer has sent no callback, or something else in its place.
    const answer = typeof done === 'function' ? (done as (answer: Answer<Value>) => void) : () => {};
    try {
      answer({ value: await work(schema.parse(given)) });
    } catch (error) {
      answer({ error: whatIsWrong(error) });
    }
  };
}

function whatIsWrong(error: unknown): string {
  if (error instanceof ZodError) return error.issues[0]!.message;
  if (error instanceof HttpException) return error.message;
  new Logger(answering.name).error(error instanceof Error ? error.stack : error);
  return 'Something went wrong.';
}
