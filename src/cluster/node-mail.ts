import type { EngineReports } from './engine-reports.js';
import type { InfoEncoding } from './info-encoding.js';
import type { NodeLink, NodePart } from './node-link.js';
import { readNodePacket, type Packets } from './packet.js';
import type { Publisher } from './publisher.js';

/** What the nodes tell all others. */
export const ALL_NODES = 'cluster';

/** What is for one of them. */
export function channelOfNode(node: string): string {
  return `node:${node}`;
}

/** The parts of the cluster that speak to their like, as packets name them. */
export const PARTS = { membership: 0, relay: 1, connections: 2, presence: 3 } as const;

export type PartName = keyof typeof PARTS;

/** A part as packets know it. What it throws for bytes that it cannot read is reported. */
export type ReceiveBody = (from: string, body: Buffer) => void;

/** Carries packets between like parts of different nodes. */
export class NodeMail {
  readonly #publisher: Publisher;
  readonly #packets: Packets;
  readonly #reports: EngineReports;
  readonly #heard: (node: string) => boolean;
  readonly #receivers = new Map<number, ReceiveBody>();

  /** @param heard told of every packet's sender; false: it is to be ignored */
  constructor(
    readonly node: string,
    publisher: Publisher,
    packets: Packets,
    reports: EngineReports,
    heard: (node: string) => boolean,
  ) {
    this.#publisher = publisher;
    this.#packets = packets;
    this.#reports = reports;
    this.#heard = heard;
  }

  /** From now on what is for a part goes there. */
  deliver(part: PartName, receive: ReceiveBody): void {
    this.#receivers.set(PARTS[part], receive);
  }

  sendToAll(part: PartName, body: Uint8Array, onFailure?: () => void): void {
    this.#send(ALL_NODES, part, body, onFailure);
  }

  /** `onFailure`: it has not left this node. */
  sendTo(node: string, part: PartName, body: Uint8Array, onFailure?: () => void): void {
    this.#send(channelOfNode(node), part, body, onFailure);
  }

  /** A packet of another node. */
  receive(packet: Uint8Array): void {
    try {
      const { node, part, body } = readNodePacket(packet);
      // A part that is new in a later version is nobody's fault.
      if (this.#heard(node)) this.#receivers.get(part)?.(node, body);
    } catch (error) {
      this.#reports.failed(error, 'deliver', 1);
    }
  }

  /** Gives a part its link, and it what comes. */
  connect(name: PartName, encoding: InfoEncoding, make: (link: NodeLink) => NodePart): NodePart {
    const link: NodeLink = {
      node: this.node,
      sendToAll: (message) => this.sendToAll(name, message),
      sendTo: (node, message) => this.sendTo(node, name, message),
      encode: (value) => encoding.encodeValue(value),
      decode: (bytes) => encoding.decodeValue(bytes),
      failed: (error) => this.#reports.failed(error, 'deliver', 1),
    };
    const part = make(link);
    this.deliver(name, (from, body) => part.receive(from, body));
    return part;
  }

  #send(channel: string, part: PartName, body: Uint8Array, onFailure?: () => void): void {
    const messages = part === 'connections' ? 1 : 0;
    this.#publisher.publish(channel, this.#packets.nodePacket(PARTS[part], body), messages, onFailure);
  }
}
