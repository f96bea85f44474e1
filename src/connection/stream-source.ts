import type { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import type { ObservableSource } from '../websock/stream.js';

/** A stream that gives its next value when asked. */
export interface PulledStream {
  next(): PromiseLike<IteratorResult<unknown, unknown>>;
  /** Nobody will ask again. */
  release(): unknown;
}

/** The Observable that a source is, or stands for; undefined for anything else. */
export function observableOf(source: unknown): ObservableSource<unknown> | undefined {
  if (hasMethod(source, 'subscribe')) return source as unknown as ObservableSource<unknown>;
  // Where no library has defined Symbol.observable, they agree on this name.
  const key = (Symbol as { observable?: symbol }).observable ?? '@@observable';
  return hasMethod(source, key) ? (source[key]!() as ObservableSource<unknown>) : undefined;
}

export function isAsyncIterable(source: unknown): source is AsyncIterable<unknown> {
  return hasMethod(source, Symbol.asyncIterator);
}

/** Opens a source that can be asked. The iterators of streams hold a `return()` back while a value is awaited: they are released directly. */
export function openStream(source: AsyncIterable<unknown>): PulledStream {
  if (isWebStream(source)) {
    const reader = source.getReader();
    return { next: () => reader.read(), release: () => reader.cancel() };
  }
  const iterator = source[Symbol.asyncIterator]();
  const next = () => iterator.next();
  if (isNodeStream(source)) {
    // Its iterator listens from the first `next()` on; an error that nobody listens for ends the process. It is told there.
    source.on('error', () => {});
    return { next, release: () => source.destroy() };
  }
  return { next, release: () => iterator.return?.() };
}

function isWebStream(source: unknown): source is ReadableStream<unknown> {
  return hasMethod(source, 'getReader') && hasMethod(source, 'cancel');
}

function isNodeStream(source: unknown): source is Readable {
  return hasMethod(source, 'pipe') && hasMethod(source, 'destroy');
}

function hasMethod<K extends PropertyKey>(source: unknown, name: K): source is Record<K, () => unknown> {
  return typeof (source as Partial<Record<K, unknown>> | null | undefined)?.[name] === 'function';
}
