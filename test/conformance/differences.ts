import type { Callback, Case, Outcome, ShownFrame } from './case.js';
import { bytesOf, show, type PayloadSpec, type Shown } from './payload.js';

/** Why we answer some cases differently from the reference, on purpose. */
export interface Difference {
  /** The rule that decides, and where it stands: § means SEMANTICS.md. */
  readonly rule: string;
  readonly cases: readonly string[];
  /** What the rule makes of the expected outcome. */
  change(expected: Outcome, testCase: Case): Outcome;
}

/** Cases of the reference that are not played, with the reason. They are not in cases.json. */
export const NOT_APPLICABLE: Readonly<Record<string, string>> = {
  ...because("Erlang's exit: in JavaScript there is only throw, which the cases *.throw and *.raise play", [
    'crash.init.exit',
    'crash.init.exit_normal',
    'crash.handle_in.exit',
    'crash.handle_in.exit_kill',
    'crash.handle_in.exit_shutdown_tuple',
    'crash.handle_control.exit_kill',
    'crash.handle_control.exit_shutdown',
    'crash.handle_control.exit_shutdown_tuple',
    'crash.handle_info.exit_kill',
    'crash.terminate_normal.exit',
    'crash.terminate_error.exit',
    'crash.terminate_remote.exit',
    'crash.terminate_drop.exit',
  ]),
  ...because('exit signals between Erlang processes', [
    'crash.exit_signal_kill',
    'crash.exit_signal_shutdown',
  ]),
  ...because("the heap limit of one Erlang process; Node's processes share theirs", [
    'upgrade.max_heap_size_kill',
  ]),
  ...because("Bandit's server option enabled: false; a server without handlers is an ordinary HTTP server", [
    'upgrade.websocket_disabled',
  ]),
};

const PROTOCOL_ERROR = 'WEBSOCK_PROTOCOL';
const RESULT_ERROR = 'WEBSOCK_RESULT';

/** In order: a case may be under several, each changes what the one before has left. */
export const DIFFERENCES: readonly Difference[] = [
  {
    rule: '§3: init throws or returns a bad result: close frame 1011 (Bandit drops the connection without one)',
    cases: ['crash.init.raise', 'crash.init.throw'],
    change: (expected) => withClose(expected, 1011),
  },
  {
    rule: '§2: a result that cannot be sent is a crash of its callback with a ResultError, before anything of it is sent: 1011; of init: without terminate',
    cases: [
      'init.stop_normal_code_detail',
      'init.stop_normal_code_detail_msgs',
      'handle_in.stop_normal_code',
      'handle_in.stop_normal_code_nil',
      'handle_in.stop_normal_code_msgs',
      'handle_control.stop_normal_code',
      'handle_control.stop_normal_code_detail',
      'handle_info.stop_normal_code',
      'handle_info.stop_normal_code_nil',
      'handle_info.stop_normal_code_msgs',
      'handle_info.stop_normal_code_detail_msgs',
      'app_code.0',
      'app_code.1005',
      'app_code.1015',
      'app_code.2999',
      'app_detail.nonutf8',
      'app_push.bad_opcode',
      'app_push.close_frame',
      'crash.handle_in.bad_return',
      'crash.handle_info.bad_return_tuple',
      'crash.init.bad_close_detail',
      'crash.handle_in.bad_close_detail',
      'crash.handle_info.bad_close_detail',
    ],
    change: (expected) => {
      const { callbacks, frames } = expected;
      const before = callbacks.filter(({ ev }) => ev !== 'terminate');
      const crash: Callback = { ev: 'terminate', reason: error({ crash: RESULT_ERROR }), state: 'S0' };
      return {
        ...expected,
        frames: [...frames.filter(({ op }) => op === 'pong'), close(1011)],
        callbacks: before.length === 1 ? before : [...before, crash],
      };
    },
  },
  {
    rule: '§2: null is a payload (Bandit crashes on it, against its own type)',
    cases: ['app_push.nil_payload'],
    change: (expected) => ({
      ...expected,
      frames: [{ op: 'ping', data: '' }],
      callbacks: expected.callbacks.filter(({ ev }) => ev !== 'terminate'),
      tcp_end: 'open',
    }),
  },
  {
    rule: "§2: ['stop', reason, state] gives terminate ['error', reason], the reason 'timeout' included",
    cases: ['init.stop_timeout_atom', 'handle_in.stop_timeout_atom', 'handle_info.stop_timeout_atom'],
    change: (expected) => withReason(expected, error('timeout')),
  },
  {
    rule: "§3: a callback throws: terminate gets ['error', error], what was thrown as it is (a throw is a bad return value in Erlang)",
    cases: ['crash.handle_in.throw', 'crash.handle_info.throw'],
    change: (expected) => withReason(expected, error('ball')),
  },
  {
    rule: '§3: terminate throws: the close code of the original cause, and terminate is never called again',
    cases: ['crash.terminate_normal.throw', 'crash.terminate_error.throw', 'crash.terminate_remote.throw'],
    change: (expected, { id }) => ({
      ...withClose(expected, id.includes('terminate_error') ? 1011 : 1000),
      callbacks: upToTerminate(expected.callbacks),
    }),
  },
  {
    rule: '§3: a crash gives terminate the newest applied state (Bandit: the state before the TCP segment)',
    cases: ['crash.state_on_crash_same_segment'],
    change: (expected) => ({
      ...expected,
      callbacks: expected.callbacks.map((event) =>
        event.ev === 'terminate' ? { ...event, state: 'S7' } : event,
      ),
    }),
  },
  {
    rule: '§1: without handleInfo the message is dropped and counted',
    cases: ['crash.no_handle_info'],
    change: (expected) => ({
      ...expected,
      frames: [],
      callbacks: expected.callbacks.filter(({ ev }) => ev !== 'terminate'),
      tcp_end: 'open',
    }),
  },
  {
    rule: '§1: nothing runs after terminate',
    cases: [
      'ping.stop_in_fragment',
      'order.stop_then_frames',
      'order.stop_then_frames_later',
      'order.init_stop_then_frames',
      'order.terminate_send_self',
    ],
    change: (expected) => ({ ...expected, callbacks: upToTerminate(expected.callbacks) }),
  },
  {
    rule: "§1: once a cause is decided (here the client's close), info that comes later is dropped",
    cases: ['order.remote_close_queued_info'],
    change: (expected) => ({
      ...expected,
      callbacks: expected.callbacks.filter(({ ev }) => ev !== 'handle_info'),
    }),
  },
  {
    rule: "§3: the client's close code and reason are echoed (Bandit answers 1000)",
    cases: [
      'remote_close.1001',
      'remote_close.1002',
      'remote_close.1007',
      'remote_close.1008',
      'remote_close.1010',
      'remote_close.1011',
      'remote_close.3999',
      'remote_close.4000',
      'remote_close.reason',
      'remote_close.reason_123',
      'telemetry.metrics',
    ],
    change: (expected, { client }) => {
      const [, code, reason] = client.find(([name]) => name === 'close') as [string, number, PayloadSpec];
      return {
        ...expected,
        frames: [...expected.frames.slice(0, -1), { ...close(code), reason: show(bytesOf(reason)) }],
      };
    },
  },
  {
    rule: "§3: a client's close code that is not allowed on the wire is answered 1002, terminate gets 'remote' (Bandit lets codes above 4999 pass)",
    cases: ['remote_close.65535'],
    change: (expected) => ({ ...expected, frames: [close(1002)] }),
  },
  {
    rule: '§3: invalid UTF-8 in a close reason: 1007 (Bandit: 1002)',
    cases: ['remote_close.reason_nonutf8'],
    change: (expected) => ({ ...expected, frames: [close(1007)] }),
  },
  {
    rule: "§3: a violation gives terminate ['error', error], the error a ProtocolError with the close code",
    cases: ids({
      proto:
        'unmasked unmasked_close rsv_low_1 rsv_low_2 rsv1_no_compress rsv1_cont rsv1_ping rsv1_close opcode_3 opcode_7 opcode_11 pong_126 close_126 ping_nofin cont_first text_in_text binary_in_text bad_utf8_frag bad_utf8_first_fragment utf8_overlong utf8_above_max len64_msb error_then_frames rsv_needs_payload log_protocol_errors_false max_frame_size_server_direct',
      remote_close: 'one_byte reason_nonutf8',
      deflate: 'malformed',
    }),
    change: (expected) => withReason(expected, protocolError(expected.frames.at(-1)!.code!)),
  },
  {
    rule: '§3: a violation closes at once: a reserved bit is seen before the payload has come (Bandit waits for it)',
    cases: ['proto.rsv_needs_payload'],
    change: (expected) => ({ ...expected, marks: { 'before rest': 1 } }),
  },
  {
    rule: '§3: a control frame with an extended length is a violation, 1002 (RFC 6455 §5.5; Bandit lets it pass)',
    cases: ['proto.ctl_oversize_64'],
    change: (expected) => refused(expected, 1002),
  },
  {
    rule: '§3: only too many fragments are refused; an empty one is allowed (RFC 6455 §5.4)',
    cases: ['proto.zero_cont_nofin'],
    change: (expected) => ({
      ...expected,
      frames: [],
      callbacks: expected.callbacks.slice(0, 1),
      tcp_end: 'open',
    }),
  },
  {
    rule: '§1: text is a string, so that with validateUtf8: false what is no UTF-8 is replaced',
    cases: ids({
      proto: 'validate_text_frames_false validate_utf8_false validate_text_frames_false_upgrade',
    }),
    change: (expected) => echoed(expected, 'text', '\ufffd('),
  },
  {
    rule: '§4: maxFrameSize counts the payload (Bandit counts the header with it)',
    cases: ['proto.max_frame_size_over'],
    change: (expected) => echoed(expected, 'binary', 'x'.repeat(95)),
  },
  {
    rule: "§4: the server's options are the defaults of every upgrade (WebSockAdapter writes its own default over them)",
    cases: ['proto.max_frame_size_server'],
    change: (expected) => refused(expected, 1009),
  },
  {
    rule: '§4: a server that cannot tell maxFrameSize and maxMessageSize apart applies the smaller to both: ws',
    cases: ['proto.max_frame_fragments'],
    change: (expected) => refused(expected, 1009),
  },
  {
    rule: '§4: an inflated message is bounded by maxMessageSize, not by a ratio',
    cases: ['deflate.bomb', 'deflate.max_inflate_ratio_upgrade_ignored'],
    change: (expected, { client }) => {
      const [, { data }] = client[0] as [string, { data: { deflate: PayloadSpec } }];
      const inflated = show(bytesOf(data.deflate));
      const deflated_len = bytesOf(data).length;
      return {
        ...echoed(expected, 'text', inflated),
        frames: [{ op: 'text', rsv: 4, inflated, deflated_len }],
      };
    },
  },
  {
    rule: '§4: compress negotiates server_no_context_takeover (a message is then compressed without the ones before it)',
    cases: ids({
      deflate:
        'echo_binary ping_not_compressed malformed bomb max_inflate_ratio_upgrade_ignored max_inflate_ratio_server options_server frame_after_stop stop_with_msgs',
      negotiate: 'plain cmwb two_headers',
      telemetry: 'compressed_metrics',
    }),
    change: (expected, { group }) => {
      const frames = expected.frames.map((frame) =>
        group === 'compression' && frame.data === undefined && frame.inflated === 'hello hello'
          ? { ...frame, deflated_len: expected.frames[0]!.deflated_len! }
          : frame,
      );
      return {
        ...withHeader(expected, 'sec-websocket-extensions', 'permessage-deflate; server_no_context_takeover'),
        frames,
      };
    },
  },
  {
    rule: '§3: the idle timeout closes with 1001, after a heartbeat ping at half of it (§4)',
    cases: ids({ timeout: 'idle idle_after_text busy_handler busy_info' }),
    change: (expected) => ({
      ...expected,
      frames: [...expected.frames.slice(0, -1), { op: 'ping', data: '' }, close(1001)],
    }),
  },
  {
    rule: '§3: the idle timeout closes with 1001, after a heartbeat ping at half of it, here between the two pushes (§4)',
    cases: ['timeout.server_push_does_not_reset'],
    change: (expected) => {
      const [first, second] = expected.frames;
      return { ...expected, frames: [first!, { op: 'ping', data: '' }, second!, close(1001)] };
    },
  },
  {
    rule: '§7: shutdown closes with 1012',
    cases: ids({ shutdown: 'queued_frames queued_info new_connections' }),
    change: (expected) => ({ ...expected, frames: [...expected.frames.slice(0, -1), close(1012)] }),
  },
  {
    rule: '§7: at shutdown a connection handles all that is in its queue by then (Bandit: what its process has read)',
    cases: ['shutdown.queued_frames'],
    change: (expected) => ({
      ...expected,
      frames: expected.frames.toSpliced(-1, 0, { op: 'text', data: '3' }),
      callbacks: expected.callbacks.toSpliced(-1, 0, {
        ev: 'handle_in',
        opcode: 'text',
        data: '3',
        state: 'S1',
      }),
    }),
  },
  {
    rule: '§7: when the time for the shutdown is up a callback is abandoned, terminate still runs, and the connection is destroyed (Bandit kills it without terminate)',
    cases: ['shutdown.busy_over_timeout'],
    change: (expected) => ({
      ...expected,
      frames: [close(1012)],
      callbacks: [...expected.callbacks, { ev: 'terminate', reason: 'shutdown', state: 'S0' }],
    }),
  },
  {
    rule: '§5: 426 for a request without Upgrade: websocket',
    cases: ids({ upgrade: 'no_upgrade no_upgrade.late wrong_upgrade upgrade_token_version' }),
    change: (expected) => ({ ...expected, status: 426 }),
  },
  {
    rule: '§5: 426 with Sec-WebSocket-Version: 13 for another version',
    cases: ids({ upgrade: 'no_version version_8 two_versions' }),
    change: (expected) => withHeader({ ...expected, status: 426 }, 'sec-websocket-version', '13'),
  },
  {
    rule: '§5: 400 for a duplicate key',
    cases: ids({ upgrade: 'two_keys two_keys.late two_keys_same' }),
    change: (expected) => ({ ...expected, status: 400 }),
  },
  {
    rule: '§5: a refusal is an ordinary HTTP response: a POST finds no route, 404 (the reference: 500)',
    cases: ['upgrade.post'],
    change: (expected) => ({ ...expected, status: 404 }),
  },
  {
    rule: '§5: earlyValidateUpgrade: false leaves the version to the server: ws answers 400 and names 13 and 8',
    cases: ids({ upgrade: 'version_12.late version_list.late' }),
    change: (expected) => withHeader(expected, 'sec-websocket-version', '13, 8'),
  },
  {
    rule: '§5: 400 for a body on the request; for a malformed Sec-WebSocket-Extensions (RFC 6455 §9.1)',
    cases: ['upgrade.with_body', 'upgrade.bad_ext_header', 'negotiate.two_equals'],
    change: (expected) => ({
      ...expected,
      status: 400,
      headers: [],
      frames: [],
      callbacks: [],
      tcp_end: 'fin',
    }),
  },
  {
    rule: '§5: 101; spaces around a header are not part of it (RFC 9110 §5.5; Cowboy agrees)',
    cases: ['upgrade.version_13_space'],
    change: (expected) => ({
      ...withHeader(expected, 'sec-websocket-accept', 's3pPLMBiTxaQ9kYGzzhZRbK+xOo='),
      status: 101,
      callbacks: [{ ev: 'init', state: 'S0' }],
      tcp_end: 'open',
    }),
  },
  {
    rule: '§5: after a refusal the connection closes',
    cases: ['upgrade.reject403'],
    change: (expected) => ({ ...expected, tcp_end: 'fin' }),
  },
  {
    rule: '§5: the same after any other ordinary response to a request with Upgrade: websocket, so that nothing can follow it here',
    cases: ['upgrade.keepalive_then_ws'],
    change: (expected) => ({
      ...expected,
      status: 0,
      headers: [],
      frames: [],
      callbacks: [],
      tcp_end: 'fin',
    }),
  },
  {
    rule: "§5: the 101 carries the headers that the app sets; those of the handshake are the server's (an artefact: Bandit sends both)",
    cases: ['upgrade.resp_ws_headers_override'],
    change: (expected) => ({
      ...expected,
      headers: expected.headers.filter(([, value]) => value !== 'mine'),
    }),
  },
  {
    rule: "§1: bytes from the upgrade's own packet wait for init and are handled (Cowboy too; Bandit loses them)",
    cases: ['upgrade.early_data'],
    change: (expected) => ({
      ...expected,
      frames: [{ op: 'text', data: 'early' }, ...expected.frames],
      callbacks: expected.callbacks.toSpliced(1, 0, {
        ev: 'handle_in',
        opcode: 'text',
        data: 'early',
        state: 'S0',
      }),
    }),
  },
  {
    rule: "§3: after its own close frame the server waits for the client's, at most closeTimeout, before it ends the TCP connection (the reference sends FIN at once)",
    cases: ids({
      handle_in:
        'stop_normal stop_abnormal stop_restart stop_disconnected stop_timeout_atom stop_normal_code stop_normal_code_nil stop_normal_code_msgs stop_abnormal_code stop_abnormal_code_detail_msgs stop_restart_code stop_disconnected_code',
      handle_control:
        'stop_normal stop_abnormal stop_disconnected stop_shutdown_atom stop_normal_code stop_normal_code_detail stop_normal_code_single_msg stop_abnormal_code',
      init: 'stop_abnormal stop_restart stop_disconnected stop_shutdown_other stop_shutdown_atom stop_timeout_atom stop_normal_code_detail stop_normal_code_detail_msgs stop_abnormal_code_detail_msgs stop_disconnected_code',
      handle_info:
        'stop_abnormal stop_disconnected stop_shutdown_other stop_timeout_atom stop_normal_code stop_normal_code_nil stop_normal_code_msgs stop_normal_code_detail_msgs stop_abnormal_code_detail_msgs stop_restart_code',
      app_code: '1000 1001 1005 1011 1015 2999 4999 0',
      app_detail: 'nonutf8',
      app_push: 'bad_opcode close_frame',
      crash:
        'init.raise handle_in.raise handle_control.raise handle_info.raise init.throw handle_in.throw handle_info.throw terminate_normal.throw terminate_error.throw handle_in.bad_return handle_info.bad_return_tuple init.bad_close_detail handle_in.bad_close_detail handle_info.bad_close_detail state_on_crash state_on_crash_same_segment no_terminate_module no_terminate_raise',
      ping: 'stop_in_fragment',
      deflate: 'frame_after_stop stop_with_msgs',
      order:
        'stop_then_frames stop_then_frames_later abnormal_then_frames init_stop_then_frames terminate_before_close_stop msgs_before_terminate terminate_send_self',
      timeout: 'idle idle_after_text server_push_does_not_reset busy_handler busy_info in_closing',
    }),
    change: (expected) => ({ ...expected, tcp_end: 'open', tcp_end_answered: 'fin' }),
  },
];

/** `{ init: 'ok push' }` is `init.ok`, `init.push`. */
export function ids(groups: Record<string, string>): string[] {
  return Object.entries(groups).flatMap(([group, names]) =>
    names.split(' ').map((name) => `${group}.${name}`),
  );
}

function because(reason: string, cases: string[]): Record<string, string> {
  return Object.fromEntries(cases.map((id) => [id, reason]));
}

export function close(code: number): ShownFrame {
  return { op: 'close', code, reason: '' };
}

function error(term: unknown): unknown {
  return { t: ['error', term] };
}

function withClose(expected: Outcome, code: number): Outcome {
  return { ...expected, frames: [...expected.frames, close(code)] };
}

export function withReason(expected: Outcome, reason: unknown): Outcome {
  const callbacks = expected.callbacks.map((event) =>
    event.ev === 'terminate' ? { ...event, reason } : event,
  );
  return { ...expected, callbacks };
}

function upToTerminate(callbacks: Callback[]): Callback[] {
  return callbacks.slice(0, callbacks.findIndex(({ ev }) => ev === 'terminate') + 1);
}

function withHeader(expected: Outcome, name: string, value: string): Outcome {
  const others = expected.headers.filter(([other]) => other !== name);
  return { ...expected, headers: [...others, [name, value]] };
}

export function protocolError(code: number): unknown {
  return error({ crash: PROTOCOL_ERROR, close_code: code });
}

/** The first message is a violation. */
function refused(expected: Outcome, code: number): Outcome {
  return {
    ...expected,
    frames: [close(code)],
    callbacks: [expected.callbacks[0]!, { ev: 'terminate', reason: protocolError(code), state: 'S0' }],
    tcp_end: 'fin',
  };
}

/** The first message is handled, and sent back. */
function echoed(expected: Outcome, op: string, data: Shown): Outcome {
  return {
    ...expected,
    frames: [{ op, data }],
    callbacks: [expected.callbacks[0]!, { ev: 'handle_in', opcode: op, data, state: 'S0' }],
    tcp_end: 'open',
  };
}
