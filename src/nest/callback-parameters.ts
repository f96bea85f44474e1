import type { ArgumentMetadata, PipeTransform } from '@nestjs/common';
import { ConfigError } from '../websock/errors.js';
import type { CallbackContext } from './callback-context.js';
import type { Enhancer, Enhancers } from './enhancers.js';
import { calledFunction } from './handler-function.js';
import type { HandlerMethod } from './handler-methods.js';
import { PARAM_TYPES, readMetadata, routeArguments, STATE, type RouteArgument } from './nest-metadata.js';
import { payloadKind, sourceOf } from './parameter-sources.js';

/** A parameter of a callback's method. */
export interface CallbackParameter {
  read(context: CallbackContext): unknown;
  /** Run on what is read. */
  readonly pipes: readonly Enhancer<PipeTransform>[];
  /** What they are told. */
  readonly metadata: ArgumentMetadata;
}

/**
 * The parameters of a callback's method where it decorates them, or has pipes for its message; undefined where it simply gets
 * the arguments of its callback.
 *
 * @throws ConfigError `WEBSOCK_PARAMETER`
 */
export function parametersOf(
  method: HandlerMethod,
  enhancers: Enhancers,
): readonly CallbackParameter[] | undefined {
  const types = readMetadata<unknown[]>(PARAM_TYPES, method.owner.prototype as object, method.name) ?? [];
  const pipes = enhancers.ofMethod<PipeTransform>('pipes', method);
  const decorated = Object.entries(routeArguments(method.owner, method.name));
  if (decorated.length === 0)
    return pipes.length === 0 ? undefined : callbackArguments(method, types[0], pipes);
  const inherited = [
    ...enhancers.ofApp<PipeTransform>('pipes'),
    ...enhancers.ofClass<PipeTransform>('pipes'),
  ];
  const parameters: CallbackParameter[] = [];
  for (const [key, argument] of decorated) {
    const { index } = argument;
    const source = sourceOf(key, argument, types[index], method);
    if (typeof source === 'string') throw fault(method, index, source);
    const { read, kind } = source;
    const given = enhancers.of<PipeTransform>(argument.pipes ?? []);
    parameters[index] = {
      read,
      pipes: kind === undefined ? [] : [...inherited, ...pipes, ...given],
      metadata: describe(kind, types[index], argument),
    };
  }
  checkAllDecorated(method, parameters, types);
  return parameters;
}

/**
 * `@OnUpgrade` is a method of a controller, whose parameters Nest sees to; of ours it knows nothing.
 *
 * @throws ConfigError `WEBSOCK_PARAMETER`
 */
export function checkUpgradeParameters(method: HandlerMethod): void {
  for (const [key, { index }] of Object.entries(routeArguments(method.owner, method.name)))
    if (key.startsWith(STATE)) throw fault(method, index, '@State(): there is no state before @OnInit()');
}

/** What a method without parameter decorators gets, with pipes for the message. */
function callbackArguments(
  { serves }: HandlerMethod,
  type: unknown,
  pipes: readonly Enhancer<PipeTransform>[],
): CallbackParameter[] {
  const unpiped = { pipes: [], metadata: describe() };
  const message = {
    read: (context: CallbackContext) => context.message,
    pipes,
    metadata: describe(payloadKind(serves), type),
  };
  const state = { ...unpiped, read: (context: CallbackContext) => context.state };
  const connection = { ...unpiped, read: (context: CallbackContext) => context.connection };
  return serves === 'init' ? [message, connection] : [message, state, connection];
}

function describe(
  kind: ArgumentMetadata['type'] = 'custom',
  type?: unknown,
  { data, schema }: Partial<RouteArgument> = {},
): ArgumentMetadata {
  const metadata = { type: kind, metatype: type, data } as ArgumentMetadata;
  return schema === undefined ? metadata : Object.assign(metadata, { schema });
}

/** Those with a default value count, and rest parameters: nobody else would give them anything. */
function checkAllDecorated(
  method: HandlerMethod,
  parameters: readonly CallbackParameter[],
  types: readonly unknown[],
): void {
  const { length } = calledFunction(method)!;
  const count = Math.max(parameters.length, types.length, length);
  for (let index = 0; index < count; index++) {
    if (parameters[index] === undefined)
      throw fault(method, index, 'it has no decorator, but others have: decorate all of them, or none');
  }
}

function fault({ owner, name }: HandlerMethod, index: number, what: string): ConfigError {
  return new ConfigError('WEBSOCK_PARAMETER', `${owner.name}.${name}(), parameter [${index}]: ${what}`);
}
