import type { Case, Outcome } from './case.js';
import { close, ids, protocolError, withReason, type Difference } from './differences.js';

/** What uWebSockets.js decides otherwise. `table` is the one in docs/uws.md; § means SEMANTICS.md. */
export const UWS_DIFFERENCES: readonly Difference[] = [
  {
    rule: '§3, table "Closing": a violation ends as 1006 without a frame; terminate gets the same reason where uWS tells it',
    cases: ids({
      proto: 'bad_utf8_frag bad_utf8_first_fragment utf8_overlong utf8_above_max len64_msb',
      deflate: 'malformed',
    }),
    change: withoutClose,
  },
  {
    rule: '§3, table "Violations": of a bad frame uWS tells no more than that the connection has gone',
    cases: ids({
      proto:
        'rsv_low_1 rsv_low_2 rsv1_no_compress rsv1_cont rsv1_ping rsv1_close opcode_3 opcode_7 opcode_11 pong_126 close_126 ping_nofin cont_first text_in_text log_protocol_errors_false ctl_oversize_64 rsv_needs_payload error_then_frames',
    }),
    change: (expected) => withReason(withoutClose(expected), { t: ['error', 'closed'] }),
  },
  {
    rule: '§3, table "Violations": ... and that what was answered in the same read is lost',
    cases: ['proto.error_then_frames'],
    change: (expected) => ({ ...expected, frames: [] }),
  },
  {
    rule: '§3, table "Violations": ... before the payload has come, too',
    cases: ['proto.rsv_needs_payload'],
    change: (expected) => ({ ...expected, marks: { 'before rest': 0 } }),
  },
  {
    rule: '§3, table "Violations": an inflation error cannot be told from a message that is too big',
    cases: ['deflate.malformed'],
    change: (expected) => withReason(expected, protocolError(1009)),
  },
  {
    rule: '§3, table "Violations": a missing mask is not noticed; uWS takes four bytes of the payload for it',
    cases: ids({ proto: 'unmasked unmasked_close' }),
    change: (expected) => ({
      ...expected,
      frames: [],
      callbacks: expected.callbacks.slice(0, 1),
      tcp_end: 'open',
    }),
  },
  {
    rule: '§3, table "Violations": a binary frame within a fragmented text message is joined to it',
    cases: ['proto.binary_in_text'],
    change: (expected) => ({
      ...expected,
      frames: [{ op: 'binary', data: 'ab' }],
      callbacks: [expected.callbacks[0]!, { ev: 'handle_in', opcode: 'binary', data: 'ab', state: 'S0' }],
      tcp_end: 'open',
    }),
  },
  {
    rule: '§4, table "Text": text is always checked, validateUtf8 or not',
    cases: ids({
      proto: 'validate_text_frames_false validate_utf8_false validate_text_frames_false_upgrade',
    }),
    change: (expected) => ({
      ...expected,
      frames: [],
      callbacks: [expected.callbacks[0]!, { ev: 'terminate', reason: protocolError(1007), state: 'S0' }],
      tcp_end: 'fin',
    }),
  },
  {
    rule: '§3, table "Close codes": a close frame that uWS finds no good, codes 1012 to 3999 among them, is answered without a code; terminate learns only that the connection has gone',
    cases: ids({ remote_close: '3999 65535 999 1005 1015 2999 reason_nonutf8' }),
    change: (expected) => ({
      ...withReason(expected, { t: ['error', 'closed'] }),
      frames: [{ op: 'close', code: null, reason: '' }],
    }),
  },
  {
    rule: '§3, table "Close codes": ... and one with half a code counts as one without',
    cases: ['remote_close.one_byte'],
    change: (expected) => ({
      ...withReason(expected, 'remote'),
      frames: [{ op: 'close', code: null, reason: '' }],
    }),
  },
  {
    rule: '§3, table "Closing": a client\'s close is answered at once: the callback that runs is worked off, its messages go nowhere',
    cases: ['order.busy_close'],
    change: (expected) => ({ ...expected, frames: expected.frames.slice(1) }),
  },
  {
    rule: 'table "Pongs": uWS has none to be sent, but those that answer a ping',
    cases: ids({ init: 'push_list', handle_info: 'push_pong push_list' }),
    change: (expected) => ({ ...expected, frames: expected.frames.filter(({ op }) => op !== 'pong') }),
  },
  {
    rule: '§4, table "Compression": the client is asked to compress without context takeover as well',
    cases: ids({
      deflate:
        'echo_binary ping_not_compressed bomb max_inflate_ratio_upgrade_ignored max_inflate_ratio_server malformed options_server frame_after_stop stop_with_msgs',
      negotiate: 'plain cmwb snct two_headers',
      telemetry: 'compressed_metrics',
    }),
    change: (expected) => ({
      ...expected,
      headers: expected.headers.map(([name, value]) => [
        name,
        name === 'sec-websocket-extensions'
          ? 'permessage-deflate;client_no_context_takeover;server_no_context_takeover'
          : value,
      ]),
    }),
  },
  {
    rule: '§4, table "Compression": zlib is uWS\'s, its settings are not to be had',
    cases: ['deflate.options_server'],
    change: (expected) => ({
      ...expected,
      frames: expected.frames.map((frame) => ({ ...frame, deflated_len: 11 })),
    }),
  },
  {
    rule: '§5, table "Upgrade": without a Host header uWS closes, with no answer',
    cases: ids({ upgrade: 'no_host no_host.late' }),
    change: (expected) => ({ ...expected, status: 0 }),
  },
  {
    rule: '§5: earlyValidateUpgrade: false leaves the version to the server: 426, as if it were checked early',
    cases: ids({ upgrade: 'version_12.late version_list.late' }),
    change: (expected) => ({
      ...expected,
      status: 426,
      headers: expected.headers.map(([name]) => [name, '13']),
    }),
  },
];

/** Of every case: FIN comes right behind the server's close frame (table "Closing"), as with the reference. */
export function withFin({ tcp_end_answered: answered, ...expected }: Outcome): Outcome {
  return answered === undefined ? expected : { ...expected, tcp_end: answered };
}

export function uwsDifferencesOf({ id }: Case): readonly Difference[] {
  return UWS_DIFFERENCES.filter(({ cases }) => cases.includes(id));
}

function withoutClose(expected: Outcome): Outcome {
  return { ...expected, frames: expected.frames.filter(({ op }) => op !== close(0).op) };
}
