import type { BrokerName } from '../broker.js';

/** How a server's messages look on the wire. */
export type Wire =
  /** The payload is the message. */
  | 'plain'
  /** JSON text: `{"event":"echo","data":"…"}`. */
  | 'events'
  /** Engine.IO and Socket.IO packets: `42["echo","…"]`. */
  | 'socket.io';

export interface Contender {
  /** Its file in this folder, without the extension. */
  readonly file: string;
  readonly wire: Wire;
  /** Variables that it is started with. */
  readonly env?: Readonly<Record<string, string>>;
  /** What joins its nodes. */
  readonly broker?: BrokerName;
  /** The package whose version the report tells. */
  readonly package: string;
}

/** A guarded route of Nest's that hands its request to ws: what the framework alone costs. */
const byHand = { wire: 'plain', package: '@nestjs/core', file: 'nest-by-hand' } as const;
const ours = { wire: 'plain', package: 'nestjs-websock' } as const;
const cluster = { ...ours, file: 'cluster-nestjs-websock' } as const;

/** Everybody that can take part in a row, by the name in the report. */
export const contenders = {
  'nestjs-websock': { ...ours, file: 'nestjs-websock' },
  'nestjs-websock on Fastify': { ...ours, file: 'nestjs-websock', env: { ADAPTER: 'fastify' } },
  'nestjs-websock on uWS': { ...ours, file: 'nestjs-websock-uws' },
  ws: { file: 'ws', wire: 'plain', package: 'ws' },
  uWS: { file: 'uws', wire: 'plain', package: '@trufflesuite/uws-js-unofficial' },
  'Nest, by hand': { ...byHand },
  'Nest, by hand, on Fastify': { ...byHand, env: { ADAPTER: 'fastify' } },
  'platform-ws': { file: 'platform-ws', wire: 'events', package: '@nestjs/platform-ws' },
  'platform-socket.io': {
    file: 'platform-socket.io',
    wire: 'socket.io',
    package: '@nestjs/platform-socket.io',
  },
  '@fastify/websocket': { file: 'fastify-websocket', wire: 'plain', package: '@fastify/websocket' },
  crossws: { file: 'crossws', wire: 'plain', package: 'crossws' },
  '@hono/node-ws': { file: 'hono', wire: 'plain', package: '@hono/node-ws' },
  'nestjs-websock, Redis': { ...cluster, broker: 'redis' },
  'nestjs-websock, Redis, handleInfo': { ...cluster, broker: 'redis', env: { DELIVERY: 'info' } },
  'nestjs-websock, NATS': { ...cluster, broker: 'nats' },
  '@socket.io/redis-adapter': {
    file: 'cluster-socket.io',
    wire: 'socket.io',
    broker: 'redis',
    package: '@socket.io/redis-adapter',
  },
  'crossws, Redis sync': { file: 'cluster-crossws', wire: 'plain', broker: 'redis', package: 'crossws' },
} as const satisfies Record<string, Contender>;

export type ContenderName = keyof typeof contenders;

/** Typed as what is common to all. */
export const contenderOf = (name: ContenderName): Contender => contenders[name];
