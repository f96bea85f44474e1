import type { InfoClasses } from '../clause/info-class.js';
import type { Clock } from '../connection/clock.js';
import type { Elsewhere } from '../connection/elsewhere.js';
import type { Engine, EngineListener } from '../pubsub/engine.js';
import type { LocalTopics } from '../pubsub/local-topics.js';
import type { Subscriber } from '../pubsub/subscriber.js';
import type { ConnectionRef } from '../websock/connection.js';
import type { EngineStage } from '../websock/errors.js';
import { Channels } from './channels.js';
import type { ResolvedCluster } from './cluster-options.js';
import { EngineReports } from './engine-reports.js';
import type { InfoCodec } from './info-codec.js';
import { InfoEncoding } from './info-encoding.js';
import { Membership } from './membership.js';
import { ALL_NODES, channelOfNode, NodeMail, PARTS } from './node-mail.js';
import type { NodeLink, NodePart } from './node-link.js';
import { Packets } from './packet.js';
import { Publisher } from './publisher.js';
import { Relay, topicOf } from './relay.js';
import { RemoteConnections } from './remote-connections.js';
import { RemoteRequests, type LocalConnections } from './remote-requests.js';
import { TopicReceiver } from './topic-receiver.js';
import { TopicSync } from './topic-sync.js';
import { within } from './within.js';

/** How long the broker may take to take leave of, or to be joined at boot, ms. */
const PATIENCE = 1_000;

/** What a cluster is made of, on this node. */
export interface ClusterSetup {
  /** The name of this node, and of the app instance in telemetry. */
  readonly node: string;
  readonly topics: LocalTopics;
  /** A connection of this node. */
  readonly find: (ref: ConnectionRef) => Subscriber | undefined;
  readonly local: LocalConnections;
  readonly infoClasses: InfoClasses;
  readonly connectPresence?: (link: NodeLink) => NodePart;
  readonly clock: Clock;
}

/** This node while it is in the cluster: puts the parts together, and hands them what the engine says. */
export class ClusterNode implements EngineListener {
  readonly elsewhere: Elsewhere;
  readonly #setup: ClusterSetup;
  readonly #engine: Engine;
  readonly #reports: EngineReports;
  readonly #publisher: Publisher;
  readonly #channels: Channels;
  readonly #packets: Packets;
  readonly #mail: NodeMail;
  readonly #relay: Relay;
  readonly #receiver: TopicReceiver;
  readonly #sync: TopicSync;
  readonly #membership: Membership;
  readonly #requests: RemoteRequests;
  readonly #connections: RemoteConnections;
  readonly #presence: NodePart | undefined;
  #awaySince: number | undefined;
  #isStopped = false;

  constructor(setup: ClusterSetup, options: ResolvedCluster, codec: InfoCodec) {
    const { node, topics, find, local, infoClasses, clock } = setup;
    const { engine, onError } = options;
    this.#setup = setup;
    this.#engine = engine;
    const reports = (this.#reports = new EngineReports(node, engine.name, onError));
    const publisher = (this.#publisher = new Publisher(engine, reports));
    const channels = (this.#channels = new Channels(engine, reports));
    const packets = (this.#packets = new Packets(node));
    const encoding = new InfoEncoding(codec, infoClasses);
    const heard = (name: string) => this.#membership.heard(name);
    const mail = (this.#mail = new NodeMail(node, publisher, packets, reports, heard));
    this.#membership = this.#makeMembership(options);
    const nodes = () => this.#membership.nodes();
    const isUp = (name: string) => this.#membership.isUp(name);
    const left = (topic: string) => this.#receiver.left(topic);
    const receiver = { app: node, topics, find, encoding, reports, clock, heard };
    const relay = (this.#relay = new Relay({ channels, publisher, packets, encoding, left }));
    this.#receiver = new TopicReceiver(receiver);
    this.#sync = new TopicSync({ topics, relay, receiver: this.#receiver, mail, clock, nodes });
    const requests = (this.#requests = new RemoteRequests(node, mail, encoding, local));
    const remote = { app: node, mail, encoding, clock, requests, isUp };
    this.elsewhere = this.#connections = new RemoteConnections(remote);
    this.#presence = setup.connectPresence && mail.connect('presence', encoding, setup.connectPresence);
  }

  /** The names of the other nodes. */
  nodes(): string[] {
    return this.#membership.nodes();
  }

  /** Joins the cluster, or goes on without while the broker is away. */
  async start(): Promise<void> {
    const { topics, clock } = this.#setup;
    const own = channelOfNode(this.#setup.node);
    await this.#engine.start(this);
    if (this.#isStopped) return;
    topics.relay = this.#relay;
    for (const topic of topics.topics()) this.#relay.join(topic);
    this.#channels.join(ALL_NODES);
    this.#channels.join(own);
    const joined = Promise.all([this.#channels.joined(ALL_NODES), this.#channels.joined(own)]);
    const isJoined = this.#awaySince === undefined && (await within(PATIENCE, joined, clock));
    if (this.#isStopped) return;
    this.#membership.start();
    this.#connections.start();
    // What was said before nobody could answer.
    if (!isJoined) void joined.then(() => this.#isStopped || this.#membership.restored());
  }

  /** Sends what waits, says goodbye and lets the engine go. Never rejects. */
  async stop(): Promise<void> {
    if (this.#isStopped) return;
    this.#isStopped = true;
    const { clock } = this.#setup;
    this.#presence?.stop?.();
    this.#relay.stop();
    this.#connections.stop();
    this.#receiver.stop();
    this.#sync.stop();
    // The goodbye has a channel of its own, on which it could overtake what was published before.
    await within(PATIENCE, this.#publisher.idle(), clock);
    this.#membership.stop();
    await within(PATIENCE, this.#publisher.idle(), clock);
    try {
      await within(PATIENCE, this.#engine.stop(), clock);
    } catch (error) {
      this.#reports.failed(error, 'connect');
    }
  }

  // What the engine says

  receive(channel: string, packet: Uint8Array): void {
    if (this.#isStopped || this.#packets.isOwn(packet)) return;
    const topic = topicOf(channel);
    if (topic === undefined) this.#mail.receive(packet);
    else this.#receiver.receive(topic, packet);
  }

  lost(error: unknown): void {
    if (this.#awaySince !== undefined) return;
    this.#awaySince = this.#setup.clock.now();
    this.#publisher.isAway = true;
    this.#channels.lost();
    this.#reports.lost(error);
  }

  restored(): void {
    if (this.#awaySince === undefined) return;
    const duration = this.#setup.clock.now() - this.#awaySince;
    this.#awaySince = undefined;
    this.#publisher.isAway = false;
    this.#reports.restored(duration);
    this.#channels.restored();
    if (this.#isStopped) return;
    this.#membership.restored();
    this.#sync.restored();
    this.#requests.tellOwed();
    this.#connections.watchAgain();
    this.#presence?.restored();
  }

  failed(error: unknown, stage: EngineStage): void {
    this.#reports.failed(error, stage);
  }

  #makeMembership({ heartbeat, nodeTimeout }: ResolvedCluster): Membership {
    const { node: app, clock } = this.#setup;
    return new Membership({
      app,
      mail: this.#mail,
      clock,
      heartbeat,
      nodeTimeout,
      beats: () => this.#beats(),
      receiveBeat: (from, part, bytes) => {
        if (part === PARTS.presence) this.#presence?.receive(from, bytes);
      },
      nodeUp: (node) => {
        this.#receiver.nodeUp(node);
        this.#connections.nodeUp(node);
        this.#presence?.nodeUp(node);
      },
      nodeDown: (node, reason) => {
        this.#receiver.nodeDown(node, reason);
        this.#sync.nodeDown(node);
        this.#connections.nodeDown(node);
        this.#presence?.nodeDown(node);
      },
      hello: (node) => {
        this.#sync.hello(node);
        this.#connections.watchAgain(node);
      },
      tick: () => {
        this.#channels.retry();
        this.#relay.announceOwed();
        this.#requests.tellOwed();
      },
    });
  }

  #beats(): (readonly [number, Uint8Array])[] {
    const beat = this.#presence?.beat?.();
    return beat === undefined ? [] : [[PARTS.presence, beat]];
  }
}
