import type { SharedFrames, Transport, TransportListener } from '../../src/connection/transport.js';
import type { Opcode } from '../../src/websock/message.js';

/** A transport that records what it is told, in order. */
export class FakeTransport implements Transport {
  listener!: TransportListener;
  readonly log: string[] = [];
  /** What came with each message that may go to many. */
  readonly shared: (SharedFrames | undefined)[] = [];
  /** `send` answers false until `drain()`. */
  full = false;
  bufferedAmount = 0;
  bytesReceived = 0;
  bytesAccepted = 0;
  paused = false;

  send(opcode: Opcode, payload: string | Uint8Array, shared?: SharedFrames): boolean {
    this.shared.push(shared);
    this.log.push(`${opcode}:${Buffer.from(payload).toString()}`);
    this.listener.sent(opcode, Buffer.byteLength(payload));
    return !this.full;
  }

  drain(): void {
    this.full = false;
    this.listener.drained();
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }

  close(code: number | undefined, reason: string | Uint8Array): void {
    this.log.push(`close:${code ?? ''}:${Buffer.from(reason).toString()}`);
  }

  destroy(): void {
    this.log.push('destroy');
  }
}
