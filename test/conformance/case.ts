import { readFileSync } from 'node:fs';
import type { RequestSpec } from '../support/raw-client.js';
import type { MachineSpec } from './machine.js';
import type { StartOptions } from './options.js';
import type { Shown } from './payload.js';

/** Something that the client does. The words are in README.md. */
export type Action = [name: string, ...details: any[]];

/** One scenario on the wire, and what was seen of it. */
export interface Case {
  readonly id: string;
  readonly group: string;
  readonly description: string;
  /** Options of the server. */
  readonly server?: StartOptions;
  /** It gets stopped, so nobody else may use it. */
  readonly own_server?: boolean;
  /** Options of the upgrade. */
  readonly upgrade?: Record<string, unknown>;
  readonly request?: RequestSpec;
  /** What travels in the packet of the request. */
  readonly early?: Action[];
  readonly handler: MachineSpec;
  readonly client: Action[];
  /** How long to watch for the end afterwards, ms. */
  readonly linger?: number;
  /** What the reference did. */
  readonly expect: Outcome;
}

export interface ShownFrame {
  op: string | number;
  fin?: 0;
  rsv?: number;
  masked?: true;
  data?: Shown;
  code?: number | null;
  reason?: Shown;
  inflated?: Shown;
  deflated_len?: number;
}

export interface Callback {
  ev: string;
  state?: string;
  opcode?: string;
  data?: Shown;
  msg?: string;
  reason?: unknown;
}

/** What was seen of a case. */
export interface Outcome {
  status: number;
  /** Those that tell something: `sec-websocket-…`, `x-…`. */
  headers: [name: string, value: string][];
  frames: ShownFrame[];
  /** `client_gone`: the client itself had dropped the connection before the server ended it. */
  tcp_end: 'open' | 'fin' | 'rst' | 'client_gone';
  /** The end after all, once the client has answered the server's close frame. */
  tcp_end_answered?: 'open' | 'fin' | 'rst';
  callbacks: Callback[];
  /** How many frames the client had when it passed a mark. */
  marks?: Record<string, number>;
}

export function readCases(file: string | URL = new URL('cases.json', import.meta.url)): Case[] {
  return JSON.parse(readFileSync(file, 'utf8')) as Case[];
}
