import { binary, type RawMessage } from 'nestjs-websock';

/** Of a field: its size is one byte. */
export const MAX_FIELD_BYTES = 255;

/**
 * A binary message: one byte for the kind, one for the size of each field, the flags, the fields, the data.
 *
 * @throws RangeError for a field that is too long
 */
export function frame(
  kind: number,
  fields: readonly string[],
  data: Uint8Array,
  ...flags: number[]
): RawMessage {
  const sizes = fields.map((field) => Buffer.byteLength(field));
  if (sizes.some((size) => size > MAX_FIELD_BYTES))
    throw new RangeError(`a ref, topic or event beside bytes has at most ${MAX_FIELD_BYTES} bytes`);
  return binary([Uint8Array.of(kind, ...sizes, ...flags), ...fields, data]);
}

/**
 * The fields and the data of such a message.
 *
 * @throws RangeError for one that is cut off, TypeError for a field that is no UTF-8
 */
export function unframe(
  message: Buffer,
  fieldCount: number,
  flagCount = 0,
): [fields: string[], data: Buffer] {
  const sizes = message.subarray(1, 1 + fieldCount);
  let end = 1 + fieldCount + flagCount;
  const fields = Array.from(sizes, (size) => utf8.decode(message.subarray(end, (end += size))));
  if (end > message.length) throw new RangeError('cut off');
  return [fields, message.subarray(end)];
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
