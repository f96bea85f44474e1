import { types } from 'node:util';
import { MAX_DEPTH } from './well-formed.js';

/** Of what there is nothing to send, or nothing that may leave the server unasked. */
const WITHOUT_FORM: readonly (readonly [name: string, is: (value: unknown) => boolean])[] = [
  ['Error', (value) => value instanceof Error || types.isNativeError(value)],
  ['RegExp', types.isRegExp],
  ['Promise', types.isPromise],
  ['WeakMap', types.isWeakMap],
  ['WeakSet', types.isWeakSet],
];

/**
 * What msgpackr encodes as standard MessagePack: the value itself, or a copy where something in it is not as it should be. Throws
 * for what MessagePack has no form for.
 *
 * @param level how many arrays, maps and objects it lies in
 */
export function plainValue(value: unknown, level = 0): unknown {
  switch (typeof value) {
    case 'string':
      return wellFormed(value);
    case 'object':
      return value === null ? null : plainObject(value, level);
    case 'function':
    case 'symbol':
      throw new TypeError(`MessagePack has no ${typeof value}`);
    default:
      return value;
  }
}

function plainObject(value: object, level: number): unknown {
  // Before toJSON(), which these two have.
  if (types.isDate(value)) return validDate(value);
  const bytes = bytesOf(value);
  if (bytes) return bytes;
  if (level === MAX_DEPTH) throw new RangeError(`deeper than ${MAX_DEPTH} levels, or it contains itself`);
  const { toJSON } = value as { toJSON?: unknown };
  if (typeof toJSON === 'function') {
    const json: unknown = toJSON.call(value);
    if (json !== value) return plainValue(json, level + 1);
  }
  if (Array.isArray(value)) return plainArray(value, level);
  if (isLiteral(value)) return plainProperties(value, level);
  if (types.isMap(value)) return plainMap(value, level);
  if (types.isSet(value)) return plainArray([...(value as Set<unknown>)], level);
  if (types.isBoxedPrimitive(value)) return plainValue(value.valueOf(), level + 1);
  const found = WITHOUT_FORM.find(([, is]) => is(value));
  if (found) throw new TypeError(`MessagePack has no ${found[0]}`);
  return plainProperties(value as Record<string, unknown>, level);
}

/** Spares most objects the questions what they are instead. */
function isLiteral(value: object): value is Record<string, unknown> {
  return Object.getPrototypeOf(value) === Object.prototype;
}

/** A lone surrogate is U+FFFD, as in a text message: UTF-8 has none. */
function wellFormed(text: string): string {
  // TypeScript has it from ES2024 on, Node from 20 on.
  const string = text as unknown as { isWellFormed(): boolean; toWellFormed(): string };
  return string.isWellFormed() ? text : string.toWellFormed();
}

function validDate(date: Date): Date {
  if (Number.isNaN(date.getTime())) throw new RangeError('MessagePack has no invalid Date');
  return date;
}

/** Those of a view or a buffer. msgpackr takes the elements of longer ones for bytes, and leaves the rest to chance. */
function bytesOf(value: object): Uint8Array | undefined {
  if (value instanceof Uint8Array) return value;
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  return types.isAnyArrayBuffer(value) ? new Uint8Array(value) : undefined;
}

function plainArray(items: unknown[], level: number): unknown[] {
  let copy: unknown[] | undefined;
  // Not forEach(): it leaves out what is missing in the list.
  for (let i = 0; i < items.length; i++) {
    const plain = plainValue(items[i], level + 1);
    if (plain === items[i]) continue;
    copy ??= [...items];
    copy[i] = plain;
  }
  return copy ?? items;
}

function plainMap(map: Map<unknown, unknown>, level: number): Map<unknown, unknown> {
  const copy = new Map<unknown, unknown>();
  for (const [key, value] of map) {
    if (typeof key === 'object' && key !== null)
      throw new TypeError('an object is no key of a MessagePack map');
    copy.set(plainValue(key), plainValue(value, level + 1));
  }
  return copy;
}

function plainProperties(object: Record<string, unknown>, level: number): object {
  let copy: Map<string, unknown> | undefined;
  const keys = Object.keys(object);
  for (const key of keys) {
    const value = object[key];
    const plain = plainValue(value, level + 1);
    const plainKey = wellFormed(key);
    if (plain === value && plainKey === key) continue;
    // No object: the key may be `__proto__`.
    copy ??= new Map(keys.map((name) => [name, object[name]]));
    if (plainKey !== key) copy.delete(key);
    copy.set(plainKey, plain);
  }
  return copy ?? object;
}
