import { atLeast, atMost, atMostMore, lowerQuartileAtLeast, type Bar } from './bars.js';
import type { ContenderName } from './servers/index.js';
import type { Work } from './work.js';

/** What the load generator does; its `-h` explains the modes. */
export interface Load {
  readonly mode: 'echo' | 'fanin' | 'fanout' | 'connect' | 'idle';
  readonly connections: number;
  /** Messages (for fanin: units of up to 64 messages) of a connection that wait for an answer. Default 1. */
  readonly inFlight?: number;
  /** Messages of a fanout that are published in one write. Default 1. */
  readonly burst?: number;
  /** Bytes of payload. */
  readonly size?: number;
  readonly text?: boolean;
  readonly deflate?: boolean;
  /** Whether each message of a fanout has a number, and must come in its place. */
  readonly numbered?: boolean;
}

export interface Rival {
  readonly name: ContenderName;
  readonly bars: readonly Bar[];
}

/** One line of the table of bars: a load, the one of us that bears it, and those it is compared with. */
export interface Row {
  readonly name: string;
  readonly work: Work;
  readonly load: Load;
  /** Processes that bear it, each with its share of the connections, and a broker between them. Default 1. */
  readonly nodes?: number;
  /** Default `nestjs-websock`: on ws, in a Nest app on Express. */
  readonly ours?: ContenderName;
  readonly rivals: readonly Rival[];
  /** Messages, handshakes before anything is measured. Default 100,000; fewer where they take long. */
  readonly warmUp?: number;
  /** Rounds of a full run. Default 3. */
  readonly rounds?: number;
}

const against = (name: ContenderName, ...bars: Bar[]): Rival => ({ name, bars });

const echo = (size: number, inFlight: number): Load => ({ mode: 'echo', connections: 64, inFlight, size });

/** A room with 100 clients on each node; one client of the first node speaks. */
const cluster = (nodes: number): Row => ({
  name: `cluster of ${nodes}, a room with 100 clients a node, 64 B text, 16 a tick`,
  work: 'room',
  load: {
    mode: 'fanout',
    connections: 100 * nodes,
    burst: 16,
    size: 64,
    text: true,
    numbered: true,
  },
  nodes,
  // Every node has its own code to compile.
  warmUp: 200_000 * nodes,
  ours: 'nestjs-websock, Redis',
  rivals: [
    against('nestjs-websock, NATS'),
    against('nestjs-websock, Redis, handleInfo'),
    against('@socket.io/redis-adapter', atLeast(3)),
    against('crossws, Redis sync', atLeast(3)),
  ],
});

export const rows: readonly Row[] = [
  {
    name: 'echo 64 B binary, 16 in flight, 64 connections',
    work: 'echo',
    load: echo(64, 16),
    rivals: [
      against('ws', atLeast(6)),
      against('uWS', atLeast(0.85)),
      against('platform-ws', atLeast(12)),
      against('@fastify/websocket'),
      against('crossws'),
      against('@hono/node-ws'),
    ],
  },
  {
    name: 'echo 64 B text, delivered as string, 16 in flight',
    work: 'echo',
    load: { ...echo(64, 16), text: true },
    rivals: [
      against('ws', atLeast(4.5)),
      against('platform-ws'),
      against('platform-socket.io'),
      against('@fastify/websocket'),
      against('crossws'),
      against('@hono/node-ws'),
    ],
  },
  {
    name: 'echo 64 B binary, asynchronous handler, 16 in flight',
    work: 'echo-async',
    load: echo(64, 16),
    rivals: [against('ws', atLeast(4.5))],
  },
  {
    name: 'echo 64 B, 4 in flight',
    work: 'echo',
    load: echo(64, 4),
    rivals: [against('ws', atLeast(2.5)), against('uWS')],
  },
  {
    name: 'echo 64 B, 1 in flight',
    work: 'echo',
    load: echo(64, 1),
    rivals: [
      against('ws', atLeast(1.1), lowerQuartileAtLeast(0.9)),
      against('uWS'),
      against('platform-ws', atLeast(2.5)),
    ],
    rounds: 20,
  },
  {
    name: 'echo 1 KiB binary, 16 in flight',
    work: 'echo',
    load: echo(1024, 16),
    rivals: [against('ws', atLeast(5)), against('uWS')],
  },
  {
    name: 'echo 64 KiB binary',
    work: 'echo',
    load: echo(65_536, 1),
    rivals: [against('ws', atLeast(2)), against('uWS')],
    warmUp: 20_000,
  },
  {
    name: 'receive only, 64 B',
    work: 'receive',
    load: { mode: 'fanin', connections: 64, inFlight: 2, size: 64 },
    rivals: [against('ws', atLeast(1.2)), against('uWS'), against('platform-ws', atLeast(10))],
  },
  {
    name: 'one 256 B message object pushed to 1,000 from their handleInfo, 16 a tick',
    work: 'broadcast',
    load: { mode: 'fanout', connections: 1_000, burst: 16, size: 256 },
    rivals: [against('ws', atLeast(6)), against('uWS', atLeast(0.5))],
  },
  {
    name: 'one 256 B message object pushed to 1,000 from their handleInfo, one a tick',
    work: 'broadcast',
    load: { mode: 'fanout', connections: 1_000, size: 256 },
    rivals: [against('ws', atLeast(1)), against('uWS')],
  },
  {
    name: '256 B broadcast to a topic of 1,000, fastlaned, 16 a tick',
    work: 'topic',
    load: { mode: 'fanout', connections: 1_000, burst: 16, size: 256 },
    rivals: [against('ws'), against('uWS')],
  },
  {
    name: '2 KiB broadcast to 500, permessage-deflate',
    work: 'broadcast-deflate',
    load: { mode: 'fanout', connections: 500, size: 2048, text: true, deflate: true },
    rivals: [against('ws', atLeast(6))],
    warmUp: 50_000,
  },
  ...[1, 2, 4].map(cluster),
  {
    name: 'handshakes through a guard, on Fastify',
    work: 'guarded',
    load: { mode: 'connect', connections: 32 },
    ours: 'nestjs-websock on Fastify',
    rivals: [against('ws', atLeast(0.75)), against('Nest, by hand, on Fastify')],
    warmUp: 15_000,
  },
  {
    name: 'handshakes through a guard, on Express',
    work: 'guarded',
    load: { mode: 'connect', connections: 32 },
    rivals: [against('ws', atLeast(0.6)), against('Nest, by hand')],
    warmUp: 15_000,
  },
  {
    name: 'memory per idle connection, 10,000',
    work: 'echo',
    load: { mode: 'idle', connections: 10_000 },
    rivals: [against('ws', atMostMore(1_000)), against('platform-ws', atMost(0.6))],
  },
  {
    name: 'on uWS, echo 64 B, 16 in flight',
    work: 'echo',
    load: echo(64, 16),
    ours: 'nestjs-websock on uWS',
    rivals: [against('uWS', atLeast(0.85))],
  },
];
