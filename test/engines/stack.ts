import type { Engine } from '../../src/redis.js';

/** How long an engine waits for a broker that does not answer, ms; undefined: as long as it does by default. */
export interface Impatience {
  readonly ping: number;
  readonly answer: number;
}

/** What the cases ask of an engine's kind. */
export interface EngineStack {
  /** Where it may be killed; otherwise the cases that do are skipped. */
  readonly broker: BrokerControl | undefined;
  /** Why it may not be. */
  readonly noKillBecause?: string;
  /** Larger packets are refused; undefined: none is, that a test could make. */
  readonly maxPacket?: number;
  /** A user's client, with an engine over it that has not been started. */
  open(settings: { prefix: string; impatience?: Impatience }): Promise<UsersClient>;
}

export interface BrokerControl {
  /** SIGKILL. */
  kill(): Promise<void>;
  /** Where it was. */
  start(): Promise<void>;
  /** It keeps its connections and answers nothing, until `resume`. */
  pause?(): void;
  resume?(): void;
}

export interface UsersClient {
  readonly engine: Engine;
  /** Rejects if the client is no longer good for anything. */
  use(): Promise<unknown>;
  close(): Promise<unknown>;
}
