import { infoSize, type EncodedInfo } from './packet.js';

/** A packet is sent at once when it has so many bytes or messages. */
const MAX_BYTES = 65_536;
const MAX_MESSAGES = 1_000;

/** The messages of one tick and topic. */
export class Batch {
  readonly infos: EncodedInfo[] = [];
  /** Bytes of them in the packet. */
  size = 0;

  get isFull(): boolean {
    return this.size >= MAX_BYTES || this.infos.length >= MAX_MESSAGES;
  }

  /** A packet is larger only for one message: brokers have limits, and what is too large is to be lost alone. */
  hasRoomFor(info: EncodedInfo): boolean {
    return this.infos.length === 0 || this.size + infoSize(info) <= MAX_BYTES;
  }

  add(info: EncodedInfo): void {
    this.infos.push(info);
    this.size += infoSize(info);
  }
}
