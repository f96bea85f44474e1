import type { HostedSocket } from '../../../src/core.js';

/** Says what the client tells its app, with the close code where that is in it. */
export type Tell = (event: string, code?: unknown) => void;

/** An official client, and as much of its protocol as it takes to be content. */
export interface Client {
  /** The npm package. */
  readonly name: string;

  /** Answers it on a connection. `subscribed`: it has asked for what its app subscribes to. */
  readonly serve: (socket: HostedSocket, subscribed: () => void) => void;

  /**
   * Connects and subscribes as an app that leaves all settings of reconnecting at their defaults, and resolves once the app
   * knows that both have come about, with what ends the client.
   */
  readonly connect: (url: string, tell: Tell) => Promise<() => unknown>;
}
