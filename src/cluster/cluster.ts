import { ClusterNode, type ClusterSetup } from './cluster-node.js';
import { backgroundClock } from './background-clock.js';
import type { ResolvedCluster } from './cluster-options.js';
import { loadInfoCodec } from './info-codec.js';
import { within } from './within.js';

/** How long the broker may take to say that it is well, ms. */
const HEALTH_LIMIT = 5_000;

/** This node and the others. Without the option `cluster` it is alone. */
export class Cluster {
  /** The name of this node: what its references begin with. */
  readonly node: string;
  readonly #setup: ClusterSetup;
  readonly #options: ResolvedCluster | undefined;
  #running: ClusterNode | undefined;
  #started: Promise<void> | undefined;
  #isStopped = false;

  /** @internal Inject it, or take `cluster` of a `WebSockServer`. */
  constructor(setup: ClusterSetup, options: ResolvedCluster | undefined) {
    this.node = setup.node;
    this.#setup = setup;
    this.#options = options;
  }

  /** The names of all nodes that are up, as this one knows them; itself first. */
  nodes(): string[] {
    return [this.node, ...(this.#running?.nodes() ?? [])];
  }

  /** Whether the broker answers, asked now; true where there is none. Never rejects, and takes 5 s at most. */
  async isHealthy(): Promise<boolean> {
    if (this.#options === undefined) return true;
    if (this.#running === undefined || this.#isStopped) return false;
    let isHealthy = false;
    try {
      const asked = this.#options.engine.isHealthy().then((answer) => void (isHealthy = answer));
      await within(HEALTH_LIMIT, asked, backgroundClock);
    } catch {
      // An engine must not reject.
    }
    return isHealthy;
  }

  /**
   * @internal Joins the others. A broker that is away does not stop it.
   *
   * @throws ConfigError for an engine's client that is no good, MissingPackageError when msgpackr is needed and not there
   */
  start(): Promise<void> {
    return (this.#started ??= this.#start());
  }

  /** @internal Leaves them. Never rejects. */
  async stop(): Promise<void> {
    if (this.#isStopped) return;
    this.#isStopped = true;
    await this.#running?.stop();
  }

  /** @internal The connections of the other nodes; undefined until it has started. */
  get elsewhere() {
    return this.#running?.elsewhere;
  }

  async #start(): Promise<void> {
    if (this.#options === undefined) return;
    const codec = this.#options.codec ?? (await loadInfoCodec());
    if (this.#isStopped) return;
    this.#running = new ClusterNode(this.#setup, this.#options, codec);
    await this.#running.start();
  }
}
