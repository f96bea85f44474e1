import { types } from 'node:util';
import { isWellFormed } from '../websock/topic.js';

/** How a message can travel: as MessagePack, only as a structured clone, or not at all. */
export type InfoForm = 'plain' | 'clone' | 'none';

/** How deep a message may be. Deeper ones could overflow the stack of whoever walks them. */
const MAX_DEPTH = 1_000;
/** More than msgpackr counts in the short header that it writes. */
const MAX_KEYS = 65_535;
/** Objects of one message that are looked for one by one; more go into a set. */
const FEW = 16;

/** The objects that have been met in the message at hand. One list for all: encoding does not interleave. */
const met: object[] = [];
let many: Set<object> | undefined;

/** Looks at all of a message, most of the time without making an object. Throws what a getter throws. */
export function formOf(value: unknown): InfoForm {
  // Most messages are one of these, or an object of them.
  if (typeof value !== 'object' || value === null) return formOfPrimitive(value);
  try {
    return formOfObject(value, 0);
  } finally {
    met.length = 0;
    many = undefined;
  }
}

function formOfPrimitive(value: unknown): InfoForm {
  switch (typeof value) {
    case 'string':
      return isWellFormed(value) ? 'plain' : 'clone';
    case 'number':
      // MessagePack has no -0 as msgpackr writes it.
      return value === 0 && 1 / value < 0 ? 'clone' : 'plain';
    case 'bigint':
      return value === BigInt.asIntN(64, value) ? 'plain' : 'clone';
    case 'function':
    case 'symbol':
      return 'none';
    default:
      return 'plain';
  }
}

function formOfObject(value: object, level: number): InfoForm {
  if (level === MAX_DEPTH) return 'none';
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Object.prototype) return note(value) ? formOfProperties(value, level) : 'clone';
  if (prototype === Array.prototype) return note(value) ? formOfList(value as unknown[], level) : 'clone';
  if (prototype === Buffer.prototype) return 'plain';
  if (prototype === Date.prototype) return Number.isNaN((value as Date).getTime()) ? 'clone' : 'plain';
  return formOfOther(value, level);
}

function formOfProperties(object: object, level: number): InfoForm {
  let form: InfoForm = 'plain';
  let keys = 0;
  for (const key in object) {
    const value = (object as Record<string, unknown>)[key];
    const found =
      typeof value === 'object' && value !== null ? formOfObject(value, level + 1) : formOfPrimitive(value);
    if (found === 'none') return found;
    // msgpackr reads `__proto__` as another key.
    if (found === 'clone' || key === '__proto__' || !isWellFormed(key)) form = 'clone';
    keys++;
  }
  return keys > MAX_KEYS ? 'clone' : form;
}

function formOfList(list: unknown[], level: number): InfoForm {
  let form: InfoForm = 'plain';
  for (let i = 0; i < list.length; i++) {
    const found = formOfItem(list[i], level);
    if (found === 'none') return found;
    if (found === 'clone' || (list[i] === undefined && !(i in list))) form = 'clone';
  }
  return form;
}

function formOfItem(value: unknown, level: number): InfoForm {
  return typeof value === 'object' && value !== null
    ? formOfObject(value, level + 1)
    : formOfPrimitive(value);
}

/** What is neither a plain object nor one of the most frequent others. */
function formOfOther(value: object, level: number): InfoForm {
  if (!note(value)) return 'clone';
  if (types.isMap(value)) return worst([...value].flat(), level);
  if (types.isSet(value)) return worst([...value], level);
  if (isClonable(value)) return 'clone';
  return isInstance(value) || isBare(value) ? worst(Object.values(value), level) : 'none';
}

function worst(values: unknown[], level: number): InfoForm {
  return values.some((value) => formOfItem(value, level) === 'none') ? 'none' : 'clone';
}

function isClonable(value: object): boolean {
  return (
    (ArrayBuffer.isView(value) && !types.isSharedArrayBuffer(value.buffer)) ||
    types.isArrayBuffer(value) ||
    types.isDate(value) ||
    types.isRegExp(value) ||
    types.isNativeError(value) ||
    types.isBoxedPrimitive(value)
  );
}

/** Without a class: of `Object.create(null)`, or an array of a subclass. */
function isBare(value: object): boolean {
  return Object.getPrototypeOf(value) === null || Array.isArray(value);
}

/** Of a class, with something to send. What has nothing keeps what it is elsewhere: a promise, a `WeakMap`, a `URL`, a socket. */
export function isInstance(value: object): boolean {
  if (isBare(value) || types.isMap(value) || types.isSet(value) || isClonable(value)) return false;
  if (types.isPromise(value) || types.isWeakMap(value) || types.isWeakSet(value)) return false;
  // One of shared memory: others are clonable.
  if (ArrayBuffer.isView(value)) return false;
  return Object.keys(value).length > 0;
}

/** Whether it is the first time in this message. */
function note(value: object): boolean {
  if (many !== undefined) {
    if (many.has(value)) return false;
    many.add(value);
    return true;
  }
  if (met.includes(value)) return false;
  met.push(value);
  if (met.length > FEW) many = new Set(met);
  return true;
}

/** What stands in the way of a message, and where: `a function at .user.save`. Slow. */
export function describeFault(value: unknown): string {
  const seen = new Set<object>();

  function find(item: unknown, path: string, level: number): string | undefined {
    if (typeof item === 'function' || typeof item === 'symbol') return `a ${typeof item}${at(path)}`;
    if (typeof item !== 'object' || item === null || seen.has(item)) return undefined;
    seen.add(item);
    if (level === MAX_DEPTH) return `it is deeper than ${MAX_DEPTH} levels`;
    const entries = entriesOf(item);
    if (entries === undefined) return `${nameOf(item)}${at(path)}`;
    for (const [key, inner] of entries) {
      const fault = find(inner, path + key, level + 1);
      if (fault !== undefined) return fault;
    }
    return undefined;
  }

  return find(value, '', 0) ?? 'it has no form';
}

/** Undefined where nothing of it can be sent. */
function entriesOf(item: object): (readonly [string, unknown])[] | undefined {
  if (Array.isArray(item)) return item.map((inner: unknown, i) => [`[${i}]`, inner]);
  if (types.isMap(item))
    return [...item].flatMap(
      ([key, inner]) =>
        [
          ['.key', key],
          ['.value', inner],
        ] as const,
    );
  if (types.isSet(item)) return [...item].map((inner) => ['.member', inner]);
  if (isClonable(item)) return [];
  if (Object.getPrototypeOf(item) !== Object.prototype && !isBare(item) && !isInstance(item))
    return undefined;
  return Object.entries(item).map(([key, inner]) => [`.${key}`, inner]);
}

function nameOf(item: object): string {
  const { constructor } = item as { constructor?: { name?: string } };
  const name = constructor?.name;
  return name
    ? `an instance of ${name} without properties of its own`
    : 'an object without properties of its own';
}

function at(path: string): string {
  return path === '' ? '' : ` at ${path}`;
}
