import type { DrainerOptions, WebSockOptions } from '../../../src/core.js';
import { Machine, parseMachine, type MachineSpec } from '../machine.js';
import type { Traces } from '../trace.js';
import { connectionOptions } from '../options.js';

/** A server under test. */
export interface Stack {
  readonly port: number;
  sendInfo(ref: string, message: string): void;
  /** Shuts down as an app does. */
  stop(): Promise<void>;
}

export interface StackSpec {
  readonly defaults: WebSockOptions;
  readonly drainer: DrainerOptions;
  readonly traces: Traces;
}

export type StartStack = (spec: StackSpec) => Promise<Stack>;

/** What one upgrade request asks for: `GET /ws?id=…&h=…`. */
export interface Order {
  readonly machine: Machine;
  readonly spec: MachineSpec;
  readonly options: WebSockOptions;
}

export function readOrder(url: string, traces: Traces): Order {
  const spec = readSpec(url);
  const id = queryOf(url).get('id') ?? '';
  return {
    spec,
    machine: new Machine(spec, traces.of(id), traces),
    options: connectionOptions(spec.upgrade ?? {}),
  };
}

export function readSpec(url: string): MachineSpec {
  return parseMachine(Buffer.from(queryOf(url).get('h') ?? 'e30', 'base64url').toString());
}

function queryOf(url: string): URLSearchParams {
  return new URL(url, 'http://localhost').searchParams;
}

/** How the app carries out what a case wants. */
export interface App<T> {
  upgrade(options: WebSockOptions): T;
  /** Upgrades to something that is no handler. */
  upgradeToNothing(): T;
  forbid(): T;
}

/** Does what `via` says, as a plug of the reference would. */
export function decide<T>({ spec, options }: Order, app: App<T>): T {
  switch (spec.via ?? 'adapter') {
    case 'adapter':
      return app.upgrade(options);
    case 'direct':
      // Past WebSockAdapter, whose check comes early.
      return app.upgrade({ earlyValidateUpgrade: false, ...options });
    case 'upgrade_twice':
      app.upgrade(options);
      return app.upgrade(options);
    case 'bad_protocol':
      return app.upgradeToNothing();
    case 'reject403':
      return app.forbid();
    case 'raise':
      throw new Error('raised by the case');
    default:
      throw new Error(`unknown via ${spec.via}`);
  }
}
