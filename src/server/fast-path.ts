import { telemetry } from '../telemetry/events.js';
import { whyClosed } from './ws-check.js';

/** Whether the ws that is installed lets messages be read before it, and written beside it. An app is told once if not. */
export class FastPath {
  readonly #app: string;
  readonly #whyNot: () => string | undefined;
  #isTold = false;

  constructor(app: string, whyNot = whyClosed) {
    this.#app = app;
    this.#whyNot = whyNot;
  }

  get isOpen(): boolean {
    const reason = this.#whyNot();
    if (reason !== undefined) this.#tell(reason);
    return reason === undefined;
  }

  #tell(reason: string): void {
    if (this.#isTold || !telemetry.fastPathClosed.hasSubscribers) return;
    this.#isTold = true;
    telemetry.fastPathClosed.publish({ app: this.#app, reason });
  }
}
