import { readMetadata, ROUTE_ARGUMENTS, STATE, type RouteArgument } from './nest-metadata.js';

/**
 * Parameter of a callback: the connection's state, or one property of it. For methods that decorate their parameters; pipes do
 * not run on it. `@OnInit` has no state yet: undefined.
 */
export function State(field?: string): ParameterDecorator {
  return ({ constructor }, method, index) => {
    const all = readMetadata<Record<string, RouteArgument>>(ROUTE_ARGUMENTS, constructor, method as string);
    // An overriding method has inherited those of its parent.
    const others = Object.entries(all ?? {}).filter(([, argument]) => argument.index !== index);
    const entries = Object.fromEntries([...others, [`${STATE}:${index}`, { index, data: field, pipes: [] }]]);
    Reflect.defineMetadata(ROUTE_ARGUMENTS, entries, constructor, method!);
  };
}
