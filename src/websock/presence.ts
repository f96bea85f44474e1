/**
 * The meta of one tracked connection, as all nodes see it: what was given to `track`, and `phx_ref`, which no other meta has.
 * An update has a new one, and the one before as `phx_ref_prev`.
 */
export type PresenceMeta<T extends object = Record<string, any>> = Readonly<T> & {
  /** Names this meta. */
  readonly phx_ref: string;
  /** The meta that it takes the place of. */
  readonly phx_ref_prev?: string;
};

/** Who is present under one key: a meta per connection that tracked it, in no particular order. */
export interface PresenceEntry<T extends object = Record<string, any>> {
  /** At least one. */
  readonly metas: readonly PresenceMeta<T>[];
}

/** The presences of a topic by key, as Phoenix has them. The object has no prototype, so that any key is just a key. */
export type PresenceList<T extends object = Record<string, any>> = Readonly<Record<string, PresenceEntry<T>>>;

/** What has changed in a topic. A meta that was updated is in both: the new one in `joins`, the old one in `leaves`. */
export interface PresenceDiff<T extends object = Record<string, any>> {
  /** The metas that are new. */
  readonly joins: PresenceList<T>;
  /** Those that are gone; to be taken away after `joins` was added. */
  readonly leaves: PresenceList<T>;
}

/** What the subscribers of a topic get when its presences have changed. */
export type PresenceDiffInfo<T extends object = Record<string, any>> = readonly [
  'presence_diff',
  topic: string,
  diff: PresenceDiff<T>,
];
