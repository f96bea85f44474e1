import type { Logger } from '@nestjs/common';
import type {
  EngineFailure,
  EngineLost,
  EngineRestored,
  NodeDown,
  NodeUp,
  TopicGap,
} from '../telemetry/events.js';
import type { EngineStage } from '../websock/errors.js';

/** Failures of one kind fill one line in so many ms. */
const QUIET = 10_000;

interface Kind {
  /** When the last line was written. */
  since: number;
  /** Failures and messages since. */
  failures: number;
  messages: number;
}

/** What the log says of the cluster. A broker that is away is one line, and one when it is back, whatever fails meanwhile. */
export class ClusterLog {
  readonly #logger: Logger;
  readonly #kinds = new Map<EngineStage, Kind>();
  #isAway = false;
  /** Messages that were not published while the broker was away. */
  #unpublished = 0;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  engineLost({ engine, error }: EngineLost): void {
    this.#isAway = true;
    this.#unpublished = 0;
    const why = error instanceof Error ? error.message : String(error);
    this.#logger.warn(
      `${engine} is away: nodes do not hear each other, each goes on with its own connections (${why})`,
    );
  }

  engineRestored({ engine, duration }: EngineRestored): void {
    this.#isAway = false;
    const lost = this.#unpublished === 0 ? '' : `; ${inMessages(this.#unpublished)} did not leave meanwhile`;
    this.#logger.log(`${engine} is back after ${Math.round(duration)} ms${lost}`);
  }

  engineError({ stage, error, messages }: EngineFailure): void {
    if (this.#isAway && stage !== 'deliver') return void (this.#unpublished += messages);
    const now = performance.now();
    const kind = this.#kinds.get(stage) ?? { since: -Infinity, failures: 0, messages: 0 };
    this.#kinds.set(stage, kind);
    kind.failures++;
    kind.messages += messages;
    if (now - kind.since < QUIET) return;
    const lost = kind.messages === 0 ? '' : `; ${inMessages(kind.messages)} lost`;
    const more = kind.failures === 1 ? '' : `, in ${kind.failures} failures since the last such line`;
    this.#logger.error(`${error.message}${lost}${more}`);
    this.#kinds.set(stage, { since: now, failures: 0, messages: 0 });
  }

  nodeUp({ node }: NodeUp): void {
    this.#logger.log(`node ${node} is up`);
  }

  nodeDown({ node, reason }: NodeDown): void {
    if (reason === 'bye') this.#logger.log(`node ${node} has stopped`);
    else this.#logger.warn(`node ${node} is down: nothing was heard of it for nodeTimeout`);
  }

  /** At `debug`: a topic may be named after a user, and telemetry counts them. */
  topicGap({ topic, node, lost }: TopicGap): void {
    this.#logger.debug(`${inMessages(lost)} of node ${node} on topic ${topic} did not arrive`);
  }
}

function inMessages(count: number): string {
  return count === 1 ? '1 message' : `${count} messages`;
}
