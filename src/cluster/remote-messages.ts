import type { ConnectionRef } from '../websock/connection.js';
import { ByteWriter } from './bytes.js';
import { infoSize, writeInfo, type EncodedInfo } from './packet.js';
import type { RemoteFailure } from './remote-errors.js';

/** What nodes tell each other about their connections. */
export const REMOTE = { info: 0, call: 1, reply: 2, failure: 3, watch: 4, unwatch: 5, down: 6 } as const;

export type RemoteKind = (typeof REMOTE)[keyof typeof REMOTE];

/** ms that stand for no limit. */
const NO_LIMIT = 0;

/** The bodies of such messages. */
export const Bodies = {
  info: (ref: ConnectionRef, info: EncodedInfo) =>
    new ByteWriter().byte(REMOTE.info).text(ref).bytes(infoBytes(info)).toBuffer(),

  /** `id`: what the caller knows it by. */
  call: (id: number, timeout: number, ref: ConnectionRef, info: EncodedInfo) =>
    new ByteWriter()
      .byte(REMOTE.call)
      .varint(id)
      .varint(timeout === Infinity ? NO_LIMIT : Math.max(1, Math.ceil(timeout)))
      .text(ref)
      .bytes(infoBytes(info))
      .toBuffer(),

  reply: (id: number, info: EncodedInfo) =>
    new ByteWriter().byte(REMOTE.reply).varint(id).bytes(infoBytes(info)).toBuffer(),

  failure: (id: number, { code, message }: RemoteFailure) =>
    new ByteWriter().byte(REMOTE.failure).varint(id).text(code).text(message).toBuffer(),

  /** `id`: what the watcher knows it by. */
  watch: (id: number, ref: ConnectionRef) =>
    new ByteWriter().byte(REMOTE.watch).varint(id).text(ref).toBuffer(),

  unwatch: (id: number) => new ByteWriter().byte(REMOTE.unwatch).varint(id).toBuffer(),

  down: (id: number, reason: EncodedInfo) =>
    new ByteWriter().byte(REMOTE.down).varint(id).bytes(infoBytes(reason)).toBuffer(),
};

/** As `Bodies.call` wrote it. */
export function timeoutOf(ms: number): number {
  return ms === NO_LIMIT ? Infinity : ms;
}

function infoBytes(info: EncodedInfo): Buffer {
  const bytes = Buffer.allocUnsafe(infoSize(info));
  writeInfo(bytes, 0, info);
  return bytes;
}
