import type { Engine } from '../pubsub/engine.js';
import { ConfigError } from '../websock/errors.js';
import { checkRules, MAX_INT32, type Rule } from '../websock/options.js';
import type { OnEngineError } from './engine-reports.js';
import type { InfoCodec } from './info-codec.js';

/** How this app speaks to others like it. All nodes of a cluster must have the same. */
export interface ClusterOptions {
  /** What carries messages between the nodes: `redis({ client })`, `nats({ connection })`, or your own. */
  engine: Engine;
  /** ms between two signs of life of a node. Default 5 000. */
  heartbeat?: number;
  /** ms of silence after which a node counts as down; more than `heartbeat`. Default 15 000. */
  nodeTimeout?: number;
  /** How messages travel. Default MessagePack with structured clones, which needs `msgpackr`. */
  codec?: InfoCodec;
  /** Told of everything that fails between the nodes; `stage` says at what. Nothing of it is thrown where it happens. Default none. */
  onError?: OnEngineError;
}

export interface ResolvedCluster {
  readonly engine: Engine;
  readonly heartbeat: number;
  readonly nodeTimeout: number;
  readonly codec: InfoCodec | undefined;
  readonly onError: OnEngineError | undefined;
}

const MILLISECONDS: Rule = [
  'a whole number of milliseconds from 1 to 2147483647',
  (value) => Number.isInteger(value) && (value as number) >= 1 && (value as number) <= MAX_INT32,
];

const ENGINE_FUNCTIONS = ['start', 'subscribe', 'unsubscribe', 'publish', 'isHealthy', 'stop'] as const;

const RULES: Readonly<Record<keyof ClusterOptions, Rule>> = {
  engine: ['an engine, such as redis({ client }) of nestjs-websock/redis', isEngine],
  heartbeat: MILLISECONDS,
  nodeTimeout: MILLISECONDS,
  codec: [
    'an object with the functions encode and decode',
    (value) => hasFunctions(value, ['encode', 'decode']),
  ],
  onError: ['a function', (value) => typeof value === 'function'],
};

/**
 * Checks the cluster's options and fills in the defaults. Without any there is no cluster.
 *
 * @throws ConfigError `WEBSOCK_OPTION_UNKNOWN`, `WEBSOCK_OPTION_INVALID`
 */
export function resolveCluster(
  options: ClusterOptions | undefined,
  where = 'WebSockModule',
): ResolvedCluster | undefined {
  if (options === undefined) return undefined;
  checkRules(options, RULES, where, 'cluster.');
  const { engine, heartbeat = 5_000, nodeTimeout = 15_000, codec, onError } = options;
  if (engine === undefined)
    throw new ConfigError(
      'WEBSOCK_OPTION_INVALID',
      `${where}: cluster.engine is missing: ${RULES.engine[0]}`,
    );
  if (heartbeat >= nodeTimeout) {
    throw new ConfigError(
      'WEBSOCK_OPTION_INVALID',
      `${where}: cluster.heartbeat (${heartbeat} ms) must be below cluster.nodeTimeout (${nodeTimeout} ms)`,
    );
  }
  return { engine, heartbeat, nodeTimeout, codec, onError };
}

function isEngine(value: unknown): boolean {
  return hasFunctions(value, ENGINE_FUNCTIONS);
}

function hasFunctions(value: unknown, names: readonly string[]): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return names.every((name) => typeof (value as Record<string, unknown>)[name] === 'function');
}
