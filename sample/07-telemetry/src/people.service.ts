import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { trace } from '@opentelemetry/api';

const PEOPLE = new Map([
  ['ada', 'wrote the first program'],
  ['grace', 'wrote the first compiler'],
]);

/** Stands for a database, whose own instrumentation makes a span of each query. */
@Injectable()
export class PeopleService {
  find(name: string, ms: number): Promise<string | undefined> {
    return trace.getTracer('people').startActiveSpan('SELECT people', async (span) => {
      await sleep(ms);
      span.end();
      return PEOPLE.get(name);
    });
  }
}
