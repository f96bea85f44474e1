import type { NodeAddress } from './messages.js';

/** What a node is told by whoever starts it. */
export interface Settings {
  /** What pages call it. */
  readonly node: string;
  /** All of them: where a page may go when its node restarts. */
  readonly nodes: readonly NodeAddress[];
  /** `redis://…` or `nats://…`. */
  readonly broker: string;
}

export const SETTINGS = Symbol('settings');
