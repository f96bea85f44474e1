/** From so many bytes on, 32 bits at a time are worth their set-up. */
const WORDWISE_FROM = 48;

/**
 * Takes a mask off, or puts it on: the same (RFC 6455 §5.3). `mask` holds the masking key at `key`; `phase` is how many bytes of the
 * payload came before.
 */
export function unmask(
  bytes: Uint8Array,
  start: number,
  end: number,
  mask: Uint8Array,
  key: number,
  phase: number,
): void {
  let at = start;
  let turn = phase;
  if (end - start >= WORDWISE_FROM) {
    const aligned = start + (-(bytes.byteOffset + start) & 3);
    while (at < aligned) bytes[at++]! ^= mask[key + (turn++ & 3)]!;
    at = unmaskWords(bytes, at, end, wordOf(mask, key, turn));
  }
  while (at < end) bytes[at++]! ^= mask[key + (turn++ & 3)]!;
}

/** The key as a word in this machine's byte order, turned so that it begins at `turn`. */
function wordOf(mask: Uint8Array, key: number, turn: number): number {
  for (let i = 0; i < 4; i++) KEY_BYTES[i] = mask[key + ((turn + i) & 3)]!;
  return KEY_WORD[0]!;
}

const KEY_BYTES = new Uint8Array(4);
const KEY_WORD = new Int32Array(KEY_BYTES.buffer);

/** Returns where the last whole word ends. */
function unmaskWords(bytes: Uint8Array, start: number, end: number, word: number): number {
  const count = (end - start) >> 2;
  const words = new Int32Array(bytes.buffer, bytes.byteOffset + start, count);
  const unrolled = count - 3;
  let i = 0;
  for (; i < unrolled; i += 4) {
    words[i]! ^= word;
    words[i + 1]! ^= word;
    words[i + 2]! ^= word;
    words[i + 3]! ^= word;
  }
  for (; i < count; i++) words[i]! ^= word;
  return start + (count << 2);
}
