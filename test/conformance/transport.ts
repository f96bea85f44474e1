import type { FrameClient } from '../support/frame-client.js';
import { RawClient, type RequestSpec } from '../support/raw-client.js';
import { openSession, StreamClient } from '../support/stream-client.js';
import type { Case, Outcome } from './case.js';
import type { Difference } from './differences.js';
import { uwsDifferencesOf, withFin } from './uws-differences.js';

/** How clients reach a stack. */
export interface Transport {
  /** The status that opens a WebSocket. */
  readonly upgraded: number;
  /** Why a case cannot be played on it; undefined if it can. */
  excluded(testCase: Case): string | undefined;
  /** Why something is different on it. */
  differences(testCase: Case): readonly Difference[];
  /** What is different on it, of what is right on HTTP/1.1. */
  expected(outcome: Outcome, testCase: Case): Outcome;
  /** What the client has written is on its way, before anything else is done. */
  sent(client: FrameClient): Promise<void>;
  open(port: number, request: RequestSpec, early: Buffer): Promise<FrameClient>;
}

export const HTTP1: Transport = {
  upgraded: 101,
  excluded: () => undefined,
  differences: () => [],
  expected: (outcome) => outcome,
  sent: () => Promise.resolve(),
  open: (port, request, early) => RawClient.open(port, request, early),
};

/** HTTP/1.1 as uWebSockets.js speaks it. */
export const UWS: Transport = {
  ...HTTP1,
  excluded: ({ early }) =>
    early &&
    'about the packet of the upgrade request: a client waits for the 101 (table "Upgrade" in docs/uws.md)',
  differences: uwsDifferencesOf,
  expected: (outcome, testCase) =>
    uwsDifferencesOf(testCase).reduce((expected, rule) => rule.change(expected, testCase), withFin(outcome)),
};

/** Cases at whose end the server destroys what the client has not ended: a FIN of TCP, RST_STREAM on HTTP/2. */
const DESTROYED = [
  'shutdown.busy_over_timeout',
  'shutdown.queued_frames',
  'shutdown.queued_info',
  'shutdown.new_connections',
];

/** Extended CONNECT (RFC 8441), a session for each case. */
export const HTTP2: Transport = {
  upgraded: 200,
  differences: () => [],

  excluded({ request = {}, client }) {
    if (request.method !== undefined) return 'about the method: on HTTP/2 it is always CONNECT';
    if (request.body !== undefined) return 'about a body: what follows a CONNECT is the socket';
    const names = Object.keys(request.headers ?? {});
    const name = names.find((each) => /^(host|upgrade|connection|sec-websocket-key)$/i.test(each));
    if (name !== undefined) return `about the ${name} header: there is none on HTTP/2`;
    const spaced = Object.values(request.headers ?? {}).some((value) => /^\s|\s$/.test(String(value)));
    if (spaced) return 'about space around a value: malformed on HTTP/2 (RFC 9113 §8.2.1)';
    if (client.some(([action]) => action === 'upgrade_now'))
      return 'about a second request on one connection';
    return undefined;
  },

  expected(outcome, { id }) {
    return {
      ...outcome,
      tcp_end: DESTROYED.includes(id) ? 'rst' : outcome.tcp_end,
      status: outcome.status === 101 ? 200 : outcome.status,
      headers: outcome.headers.filter(([name]) => name !== 'sec-websocket-accept'),
    };
  },

  sent: (client) => (client as StreamClient).written,

  async open(port, { path, headers = {} }, early) {
    const session = await openSession(`http://127.0.0.1:${port}`);
    const given = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value ?? undefined]);
    const client = await StreamClient.open(session, { path, headers: Object.fromEntries(given) }, early);
    client.stream.once('close', () => session.destroy());
    return client;
  },
};
