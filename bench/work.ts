/** What a server can be asked to do with its connections. The path of the WebSocket is called the same. */
export type Work =
  | 'echo'
  | 'echo-async'
  | 'receive'
  | 'broadcast'
  | 'broadcast-deflate'
  /** As broadcast, through a topic. */
  | 'topic'
  | 'guarded'
  /** What a client says reaches all clients, on all nodes. */
  | 'room';

/** What `guarded` asks for: `/guarded?token=…`. */
export const TOKEN = 'let-me-in';

/** A message of `receive` that is answered: with how many others came before it. */
export const COUNT = 'count';

/** What an asynchronous handler waits for: something that is there already, as from a cache. */
export async function lookUp<V>(value: V): Promise<V> {
  return value;
}
