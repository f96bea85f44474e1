import { InfoClasses } from '../../src/clause/info-class.js';
import { Cluster } from '../../src/cluster/cluster.js';
import { resolveCluster, type ClusterOptions } from '../../src/cluster/cluster-options.js';
import type { EngineError } from '../../src/websock/errors.js';
import type { SubscribeOptions } from '../../src/websock/topic.js';
import { ok } from '../../src/websock/result.js';
import type { WebSock } from '../../src/websock/websock.js';
import { FakeClock, settled } from './fake-clock.js';
import { fakeApp, openConnection } from './fake-connection.js';
import { FakeNetwork } from './fake-network.js';

export type ClusterNodeOptions = Omit<ClusterOptions, 'engine'>;

/** Apps without servers in one cluster, on a fake network and a fake clock. */
export class ClusterNodes {
  readonly clock = new FakeClock();
  readonly network = new FakeNetwork({ clock: this.clock });
  readonly nodes: TestNode[] = [];

  /** A node that has started; `await` it twice as many as nodes and they know each other. */
  async start(options?: ClusterNodeOptions): Promise<TestNode> {
    const node = this.add(options);
    await node.start();
    await this.settle();
    return node;
  }

  /** One that has not. */
  add(options?: ClusterNodeOptions): TestNode {
    const node = new TestNode(this, options);
    this.nodes.push(node);
    return node;
  }

  /** Everything that is under way without time passing has arrived. */
  async settle(): Promise<void> {
    for (let i = 0; i < 6; i++) await settled();
  }

  /** Lets time pass, and what it sets off arrive. */
  async advance(ms: number): Promise<void> {
    await this.settle();
    await this.clock.advance(ms);
    await this.settle();
  }

  async stop(): Promise<void> {
    for (const node of this.nodes) await this.stopping(node);
  }

  /** Also past the time that a broker that is away has to answer. */
  async stopping({ cluster }: TestNode): Promise<void> {
    let isStopped = false;
    const stopped = cluster.stop().then(() => (isStopped = true));
    for (let i = 0; i < 8 && !isStopped; i++) await this.advance(500);
    await stopped;
  }
}

export class TestNode {
  readonly app;
  readonly engine;
  readonly cluster: Cluster;
  readonly infoClasses = new InfoClasses();
  /** What `onError` was told. */
  readonly errors: EngineError[] = [];

  constructor(nodes: ClusterNodes, options: ClusterNodeOptions = {}) {
    const app = (this.app = fakeApp(nodes.clock));
    const { registry, topics, connections, clock } = app;
    this.engine = nodes.network.engine(registry.app);
    const local = {
      sendInfo: connections.sendInfo.bind(connections),
      call: connections.call.bind(connections),
      monitor: registry.monitor,
    };
    const find = (ref: string) => registry.find(ref);
    const { infoClasses, engine } = this;
    const onError = (error: EngineError) => void this.errors.push(error);
    const resolved = resolveCluster({ onError, ...options, engine });
    this.cluster = new Cluster({ node: registry.app, topics, find, local, infoClasses, clock }, resolved);
  }

  get name(): string {
    return this.app.registry.app;
  }

  get pubsub() {
    return this.app.pubsub;
  }

  get connections() {
    return this.app.connections;
  }

  async start(): Promise<void> {
    const starting = this.cluster.start();
    await settled();
    await starting;
    this.app.registry.elsewhere = this.cluster.elsewhere;
  }

  /** A connection that notes its info. */
  open(websock: Partial<WebSock<any, any, any>> = {}) {
    const infos: unknown[] = [];
    const handleInfo = (info: unknown, state: unknown) => {
      infos.push(info);
      return ok(state);
    };
    const subject = {
      init: () => ok(null),
      handleIn: (_: unknown, state: unknown) => ok(state),
      handleInfo,
      ...websock,
    };
    const opened = openConnection(subject as WebSock<any, any, any>, { timeout: Infinity }, this.app);
    return { ...opened, infos, ref: opened.connection.ref };
  }

  /** The messages of a topic from now on. */
  listen(topic: string, options: SubscribeOptions = {}): unknown[] {
    const { connection, infos } = this.open();
    connection.subscribe(topic, options);
    return infos;
  }
}
