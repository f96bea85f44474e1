import type { Codec } from '../websock/codec.js';
import type { Outgoing } from './outgoing.js';

/** More in one tick are no broadcast; they are checked each time. */
const KEPT = 1_024;

interface Checked {
  readonly codec: Codec;
  /** What the list held: it may have been filled anew since. */
  readonly tag: unknown;
  readonly content: unknown;
  readonly outgoing: Outgoing;
}

/** By the very list that the handlers gave. */
const checked = new Map<object, Checked>();
let isClearing = false;

/**
 * What `check` makes of a message, made once for all connections to which the same list is pushed in one tick: it is checked,
 * encoded and framed once. Forgotten when the tick is over: bytes and
 * values may change then, not before.
 */
export function checkOnce(
  message: readonly unknown[],
  codec: Codec,
  check: (message: unknown, codec: Codec) => Outgoing,
): Outgoing {
  const known = checked.get(message);
  const [tag, content] = message;
  if (known?.codec === codec && known.tag === tag && known.content === content) return known.outgoing;
  // Each by name: spread, every message had a shape of its own, and whoever reads it would look in a table.
  const { opcode, payload } = check(message, codec);
  const outgoing: Outgoing = { opcode, payload, shared: new Map() };
  if (checked.size < KEPT) remember(message, { codec, tag, content, outgoing });
  return outgoing;
}

function remember(message: object, entry: Checked): void {
  checked.set(message, entry);
  if (isClearing) return;
  isClearing = true;
  process.nextTick(clear);
}

function clear(): void {
  isClearing = false;
  checked.clear();
}
