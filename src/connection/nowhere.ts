import { telemetry } from '../telemetry/events.js';
import type { ConnectionRef } from '../websock/connection.js';
import { UnknownRefError } from '../websock/errors.js';
import type { Elsewhere } from './elsewhere.js';
import { NO_MONITOR } from './monitors.js';

/** The connections of other nodes where there is no cluster, or none yet: there are none. */
export class Nowhere implements Elsewhere {
  readonly #app: string;

  /** @param app names the app instance in telemetry */
  constructor(app: string) {
    this.#app = app;
  }

  sendInfo(ref: ConnectionRef): void {
    if (telemetry.infoLost.hasSubscribers) telemetry.infoLost.publish({ app: this.#app, ref });
  }

  sendInfoAfter(ref: ConnectionRef): () => void {
    this.sendInfo(ref);
    return () => {};
  }

  call(ref: ConnectionRef): Promise<unknown> {
    return Promise.reject(new UnknownRefError(ref));
  }

  monitor(_ref: ConnectionRef, down: (reason: unknown) => void): () => void {
    down('noproc');
    return NO_MONITOR;
  }
}
