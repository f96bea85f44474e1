import { Packr, type Options } from 'msgpackr';
import type { Codec } from '../websock/codec.js';
import { plainValue } from './plain-value.js';
import { checkMessagePack } from './well-formed.js';

/** The standard and nothing else: what msgpackr adds to it, other languages cannot read. */
const SETTINGS: Options = {
  useRecords: false,
  moreTypes: false,
  structuredClone: false,
  mapsAsObjects: true,
  variableMapSize: true,
  encodeUndefinedAsNil: true,
  // plainValue() has called it.
  useToJSON: false,
  // msgpackr's types leave 'auto' out.
  int64AsType: 'auto' as 'bigint',
};

/**
 * A codec: values in binary messages, as [MessagePack](https://msgpack.org); text messages hold none. Maps are objects, bin is a
 * `Buffer`, the timestamp extension a `Date`. Integers of 64 bits are numbers up to 2⁵³, beyond that `BigInt`s.
 *
 * From clients only standard MessagePack is taken, text in valid UTF-8, timestamps that a `Date` can hold, at most 1 000 levels deep
 * and with at most 1 000 000 arrays, maps, bins and timestamps. Other extensions, msgpackr's own among them, are refused.
 *
 * Encoded are primitives, arrays, objects by their `toJSON()` or else their own properties, `Map` and `Set` (as an array), `Date`, and
 * the bytes of buffers and typed arrays. A function, a symbol, an `Error`, a `RegExp`, a `Promise`, an invalid `Date`, too large a
 * `BigInt`, and more than 1 000 levels throw, wherever they lie in the value.
 */
export function messagePack(): Codec {
  const packr = new Packr({ ...SETTINGS });
  return {
    decode([opcode, data]) {
      if (opcode === 'text') throw new TypeError('expected MessagePack, got a text message');
      checkMessagePack(data);
      try {
        // A view of its own: msgpackr puts a property on it.
        return packr.unpack(data.subarray()) as unknown;
      } catch {
        // Not msgpackr's own words: they quote the payload.
        throw new SyntaxError('not valid MessagePack');
      }
    },
    encode: (value) => ['binary', packr.pack(plainValue(value))],
  };
}
