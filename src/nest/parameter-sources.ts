import type { ArgumentMetadata } from '@nestjs/common';
import { isSchema } from '../clause/pattern.js';
import type { LiveConnection } from '../connection/live-connection.js';
import { Connection } from '../websock/connection.js';
import { NoClauseError } from '../websock/errors.js';
import type { DataMessage } from '../websock/message.js';
import type { CallbackContext } from './callback-context.js';
import type { Mark } from './handler-metadata.js';
import type { HandlerMethod } from './handler-methods.js';
import { CUSTOM_ARGUMENT, STATE, type RouteArgument } from './nest-metadata.js';

/** What a parameter decorator stands for. */
export interface ParameterSource {
  readonly read: (context: CallbackContext) => unknown;
  /** As what pipes see it; on a parameter without it none run, as in Nest. */
  readonly kind?: ArgumentMetadata['type'];
}

/** By Nest's numbers (`RouteParamtypes`), those that there is nothing for. */
const UNAVAILABLE: Readonly<Record<number, string>> = {
  1: '@Res(): there is no response, return a result',
  2: '@Next(): nothing comes next, return a result',
  7: '@Session(): return what you need of it from @OnUpgrade(), it is for @OnInit()',
  8: '@UploadedFile(): a message has no files',
  9: '@UploadedFiles(): a message has no files',
  10: '@HostParam(): return it from @OnUpgrade(), it is for @OnInit()',
  12: '@RawBody(): take the message itself, without parameter decorators',
  13: '@Ack(): there are no acknowledgements, push an answer',
  14: '@Cookies(): return what you need of them from @OnUpgrade(), it is for @OnInit()',
  15: '@SignedCookies(): return what you need of them from @OnUpgrade(), it is for @OnInit()',
};

/**
 * Finds what a parameter decorator stands for; a text says why there is nothing.
 *
 * @param key of its metadata, `type:index`
 * @param type of the parameter, as TypeScript emits it
 */
export function sourceOf(
  key: string,
  { data, factory }: RouteArgument,
  type: unknown,
  method: HandlerMethod,
): ParameterSource | string {
  if (key.includes(CUSTOM_ARGUMENT)) return { read: (context) => factory?.(data, context), kind: 'custom' };
  const field = data as string | undefined;
  if (key.startsWith(STATE)) return { read: ({ state }) => pick(state, field) };
  const number = parseInt(key);
  switch (number) {
    case 0:
      return socketSource(type);
    case 3: {
      const payload = payloadOf(method);
      return { read: (context) => pick(context.payload(payload), field), kind: payloadKind(method.serves) };
    }
    case 4:
      return { read: ({ connection }) => pick(connection.request.query, field), kind: 'query' };
    case 5:
      return { read: ({ connection }) => pick(connection.request.params, field), kind: 'param' };
    case 6:
      return { read: ({ connection }) => pick(connection.request.headers, field?.toLowerCase()) };
    case 11:
      return { read: ({ connection }) => connection.request.remoteAddress };
    default:
      return UNAVAILABLE[number] ?? 'its decorator is not known here';
  }
}

/** What the client sent is to be validated; what the app gives itself, a state or info, is no DTO and stays as it is. */
export function payloadKind(serves: Mark): ArgumentMetadata['type'] {
  return serves === 'handleIn' || serves === 'handleControl' ? 'body' : 'custom';
}

/**
 * `@ConnectedSocket()` and `@Req()`, which nothing but the parameter's type tells apart: `Connection` is the connection, an
 * interface or none the facts of the upgrade request.
 */
function socketSource(type: unknown): ParameterSource | string {
  if (isConnectionClass(type)) return { read: ({ connection }) => connection };
  if (type === undefined || type === Object) return { read: ({ connection }) => connection.request };
  return (
    `@ConnectedSocket() or @Req(), and its type is ${(type as { name: string }).name}: give it the type Connection for the ` +
    'connection, UpgradeRequest for the facts of the upgrade request'
  );
}

function isConnectionClass(type: unknown): boolean {
  return type === Connection || (typeof type === 'function' && type.prototype instanceof Connection);
}

/** How to get at what a message carries: never the tuple. */
function payloadOf({ serves, pattern }: HandlerMethod): (context: CallbackContext) => unknown {
  if (serves === 'handleControl') return ({ message }) => (message as readonly unknown[])[1];
  // Else it is the argument of `init`, info, or what a schema has made of the message.
  return serves === 'handleIn' && !isSchema(pattern) ? decode : ({ message }) => message;
}

function decode({ message, connection, target }: CallbackContext): unknown {
  const { codec } = connection as LiveConnection;
  const [opcode, data] = message as DataMessage;
  if (codec === undefined) return data;
  try {
    return codec.decode(message as DataMessage);
  } catch (cause) {
    // The codec's words: it may not put the payload into them.
    const words = cause instanceof Error && cause.message !== '' ? cause.message : 'cannot be decoded';
    const issues = [{ path: [], message: words }];
    const { name } = target.handlerClass;
    throw new NoClauseError(`${name}: cannot decode this ${opcode} message`, issues, { cause });
  }
}

/** A property; of an array, bytes or a primitive, where an object was expected, only one that is its own. */
function pick(value: unknown, field: string | undefined): unknown {
  if (field === undefined) return value;
  const isPlain = typeof value === 'object' && !Array.isArray(value) && !ArrayBuffer.isView(value);
  const isThere =
    value !== null && value !== undefined && (isPlain || Object.hasOwn(Object(value) as object, field));
  return isThere ? (value as Record<string, unknown>)[field] : undefined;
}
