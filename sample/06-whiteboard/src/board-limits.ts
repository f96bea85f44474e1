import { Injectable } from '@nestjs/common';

/** What a page may bring in one message: all of a board, after a restart. */
export const MAX_MESSAGE_BYTES = 4_000_000;

/** So that memory has a bound, whoever comes. */
@Injectable()
export class BoardLimits {
  /** Of one board. */
  readonly bytes: number = MAX_MESSAGE_BYTES;
  /** On one board. */
  readonly people: number = 500;
  /** Boards that somebody is on. */
  readonly open: number = 200;
  /** Boards that nobody is on any more. */
  readonly kept: number = 1_000;
  /** The same, all together. */
  readonly keptBytes: number = 50_000_000;
}
