import { telemetry } from '../telemetry/events.js';
import { EngineError, type EngineStage } from '../websock/errors.js';
import { describeThrown } from '../websock/thrown.js';

/** Told of everything that fails between the nodes; nothing of it reaches who called. */
export type OnEngineError = (error: EngineError, context: { readonly stage: EngineStage }) => unknown;

/** Says to `onError` and telemetry what the engine does. */
export class EngineReports {
  readonly #app: string;
  readonly #engine: string;
  readonly #onError: OnEngineError | undefined;

  constructor(app: string, engine: string, onError: OnEngineError | undefined) {
    this.#app = app;
    this.#engine = engine;
    this.#onError = onError;
  }

  /** Never throws. `messages`: how many are lost by it. */
  failed(cause: unknown, stage: EngineStage, messages = 0): void {
    const error = cause instanceof EngineError ? cause : this.#wrap(cause, stage);
    if (telemetry.engineError.hasSubscribers) {
      const [app, engine] = [this.#app, this.#engine];
      telemetry.engineError.publish({ app, engine, stage: error.stage, error, messages });
    }
    this.#tell(error);
  }

  /** To telemetry it is an event of its own, to `onError` one more thing that fails. */
  lost(error: unknown): void {
    if (telemetry.engineLost.hasSubscribers)
      telemetry.engineLost.publish({ app: this.#app, engine: this.#engine, error });
    this.#tell(error instanceof EngineError ? error : this.#wrap(error, 'connect'));
  }

  restored(duration: number): void {
    if (telemetry.engineRestored.hasSubscribers)
      telemetry.engineRestored.publish({ app: this.#app, engine: this.#engine, duration });
  }

  #tell(error: EngineError): void {
    if (this.#onError !== undefined) void this.#call(this.#onError, error);
  }

  /** Never rejects: nobody is there to catch it, the caller is the broker's client. */
  async #call(onError: OnEngineError, error: EngineError): Promise<void> {
    try {
      await onError(error, { stage: error.stage });
    } catch (thrown) {
      process.emitWarning(`nestjs-websock: the cluster's onError threw: ${describeThrown(thrown)}`);
    }
  }

  #wrap(cause: unknown, stage: EngineStage): EngineError {
    return new EngineError(stage, `${this.#engine}: ${describeThrown(cause)}`, { cause });
  }
}
