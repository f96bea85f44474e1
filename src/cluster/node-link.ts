/** How a part of the cluster (presence, remote connections) speaks to its like on other nodes. */
export interface NodeLink {
  /** The name of this node: what its references begin with. */
  readonly node: string;
  /** To all other nodes. At most once, in order from one node to another; never throws for what the broker does. */
  sendToAll(message: Uint8Array): void;
  /** To one. */
  sendTo(node: string, message: Uint8Array): void;
  /**
   * With the cluster's codec: values of the app.
   *
   * @throws WebSockError `WEBSOCK_INFO_ENCODE`
   */
  encode(value: unknown): Uint8Array;
  /** What another node encoded. Throws what the codec throws. */
  decode(bytes: Uint8Array): unknown;
  /** Reports a part of a message that is dropped. */
  failed(error: unknown): void;
}

/** A part of the cluster. */
export interface NodePart {
  /** A message of its like on another node, which is up. Throws for bytes that it cannot read. */
  receive(from: string, message: Buffer): void;
  /** Another node has been heard of, for the first time or again. */
  nodeUp(node: string): void;
  /** It has said goodbye, or has been silent for too long. It may come up again. */
  nodeDown(node: string): void;
  /** The broker was away and is back: messages may have been lost, both ways. */
  restored(): void;
  /** What its like on the other nodes `receive` with every heartbeat. */
  beat?(): Uint8Array;
  /** The last call, before the goodbye: sends what waits. */
  stop?(): void;
}
