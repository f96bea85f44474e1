/** Small messages share a slab: an allocation of its own would cost each of them more than its copy. */
const SLAB_SIZE = 16_384;
const MAX_SHARED = 4_096;

let slab = new ArrayBuffer(SLAB_SIZE);
let bytes = new Uint8Array(slab);
let used = 0;

/** What uWS has read, kept: its ArrayBuffer is gone when the handler returns that it was given to. */
export function keep(message: ArrayBuffer): Buffer {
  const { byteLength } = message;
  if (byteLength > MAX_SHARED) return Buffer.from(message.slice(0));
  if (used + byteLength > SLAB_SIZE) {
    slab = new ArrayBuffer(SLAB_SIZE);
    bytes = new Uint8Array(slab);
    used = 0;
  }
  const start = used;
  used += byteLength;
  bytes.set(new Uint8Array(message), start);
  return Buffer.from(slab, start, byteLength);
}
