import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { Codec } from '../websock/codec.js';
import { NoClauseError, type Issue } from '../websock/errors.js';
import type { DataMessage } from '../websock/message.js';
import { closestIssues } from './issues.js';
import { isClass, type Pattern } from './pattern.js';

type PlainPattern = Exclude<Pattern, StandardSchemaV1> | undefined;

/** One message, as it is offered to the clauses. */
export interface Offer {
  /** The message as it came. */
  readonly message: unknown;
  /** What schemas look at, once `hasValue()` has said so. */
  readonly value: unknown;
  /** Is there anything for a schema to look at? */
  hasValue(): boolean;
  /** Does a pattern that is no schema take the message? */
  isTakenBy(pattern: PlainPattern): boolean;
  /** The error when no clause takes it. */
  noClause(refusals: readonly (readonly Issue[])[]): NoClauseError;
}

/** A message from the client. It is decoded at most once, when the first schema is reached. */
export class InMessageOffer implements Offer {
  value: unknown;
  readonly #codec: Codec;
  readonly #where: string;
  #isDecoded = false;
  #fault: { readonly error: unknown } | undefined;

  constructor(
    readonly message: DataMessage,
    codec: Codec,
    where: string,
  ) {
    this.#codec = codec;
    this.#where = where;
  }

  hasValue(): boolean {
    if (!this.#isDecoded) this.#decode();
    return this.#fault === undefined;
  }

  #decode(): void {
    this.#isDecoded = true;
    try {
      this.value = this.#codec.decode(this.message);
    } catch (error) {
      this.#fault = { error };
    }
  }

  isTakenBy(pattern: PlainPattern): boolean {
    return pattern === undefined || pattern === this.message[0];
  }

  noClause(refusals: readonly (readonly Issue[])[]): NoClauseError {
    const message = `${this.#where}: no method takes this ${this.message[0]} message`;
    const cause = this.#fault && { cause: this.#fault.error };
    return new NoClauseError(message, this.#issues(refusals), cause);
  }

  #issues(refusals: readonly (readonly Issue[])[]): readonly Issue[] {
    if (refusals.length > 0) return closestIssues(refusals);
    const message = this.#fault ? wordsOf(this.#fault.error) : `${this.message[0]} messages are not taken`;
    return [{ path: [], message }];
  }
}

/** A message from the app. Schemas look at the message itself. */
export class InfoMessageOffer implements Offer {
  readonly #where: string;

  constructor(
    readonly message: unknown,
    where: string,
  ) {
    this.#where = where;
  }

  get value(): unknown {
    return this.message;
  }

  hasValue(): boolean {
    return true;
  }

  isTakenBy(pattern: PlainPattern): boolean {
    return pattern === undefined || (isClass(pattern) && this.message instanceof pattern);
  }

  noClause(refusals: readonly (readonly Issue[])[]): NoClauseError {
    const message = `${this.#where}: no method takes this message, ${kindOf(this.message)}`;
    return new NoClauseError(message, refusals.length > 0 ? closestIssues(refusals) : []);
  }
}

/** What the codec says is wrong; it may not put the payload into its words. */
function wordsOf(error: unknown): string {
  return error instanceof Error && error.message !== '' ? error.message : 'cannot be decoded';
}

/** What an info message is, without what is in it. */
function kindOf(message: unknown): string {
  if (message === null) return 'null';
  if (typeof message !== 'object') return `a ${typeof message}`;
  const prototype = Object.getPrototypeOf(message) as { constructor?: unknown } | null;
  const name = typeof prototype?.constructor === 'function' ? prototype.constructor.name : '';
  return name === '' ? 'an object' : `an instance of ${name}`;
}
