let socket: WebSocket;

/** Resolves with the extensions that were agreed on. */
export function connect(url: string): Promise<string> {
  socket = new WebSocket(url);
  socket.binaryType = 'arraybuffer';
  return new Promise((resolve) => {
    socket.onopen = () => resolve(socket.extensions);
    socket.onerror = () => resolve('the WebSocket failed');
  });
}

/** Sends a text of this size and as many bytes, and tells whether both came back as they were. */
export async function exchange(size: number): Promise<[text: boolean, bytes: boolean]> {
  const text = 'ä'.repeat(size);
  const bytes = Uint8Array.from({ length: size }, (_, i) => i % 251);
  const answers = [await echoOf(text), new Uint8Array((await echoOf(bytes)) as ArrayBuffer)] as const;
  return [
    answers[0] === text,
    answers[1].length === size && answers[1].every((byte, i) => byte === bytes[i]),
  ];
}

function echoOf(data: string | Uint8Array<ArrayBuffer>): Promise<unknown> {
  return new Promise((resolve) => {
    socket.onmessage = (event) => resolve(event.data);
    socket.send(data);
  });
}
