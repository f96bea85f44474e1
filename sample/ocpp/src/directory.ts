import { Injectable } from '@nestjs/common';

const KEYS = new Map([
  ['cellar', 'cellar-key'],
  ['garage 1/left', 'garage-key'],
]);

const TAGS = new Set(['ada', 'bob']);

/** Which stations may connect, and who may charge. Yours is in a database. */
@Injectable()
export class Directory {
  /** The AuthorizationKey of a station; undefined for one that is not ours. */
  keyOf(station: string): string | undefined {
    return KEYS.get(station);
  }

  /** Tags are the same in upper and lower case. */
  accepts(idTag: string): boolean {
    return TAGS.has(idTag.toLowerCase());
  }
}
