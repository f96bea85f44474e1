import type { PresenceDiffInfo, PresenceList, PresenceMeta } from '../../src/websock/presence.js';

/** A list put together from diffs alone. */
export class DiffedList {
  readonly #metas = new Map<string, [key: string, meta: PresenceMeta]>();

  /** `list` is what was there before the first diff. A late one may be told again what the list said already. */
  constructor(
    list: PresenceList = {},
    readonly isLate = false,
  ) {
    for (const [key, { metas }] of Object.entries(list))
      for (const meta of metas) this.#metas.set(meta.phx_ref, [key, meta]);
  }

  apply([, , { joins, leaves }]: PresenceDiffInfo): void {
    for (const [key, meta] of inList(joins)) {
      if (!this.isLate && this.#metas.has(meta.phx_ref)) throw new Error(`joined twice: ${meta.phx_ref}`);
      this.#metas.set(meta.phx_ref, [key, meta]);
    }
    for (const [, { phx_ref }] of inList(leaves))
      if (!this.#metas.delete(phx_ref) && !this.isLate) throw new Error(`left, was not there: ${phx_ref}`);
  }

  get all(): unknown {
    return sorted(this.#metas.values());
  }
}

/** The order of keys and metas says nothing. */
export function sortedList(list: PresenceList): unknown {
  return sorted(inList(list));
}

function* inList(list: PresenceList): Generator<[string, PresenceMeta]> {
  for (const [key, { metas }] of Object.entries(list)) for (const meta of metas) yield [key, meta];
}

function sorted(metas: Iterable<[string, PresenceMeta]>): unknown {
  return [...metas].sort(([, a], [, b]) => (a.phx_ref < b.phx_ref ? -1 : 1));
}
