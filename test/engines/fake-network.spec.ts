import { FakeNetwork } from '../support/fake-network.js';
import { engineCases } from './cases.js';

/** What the specs of cluster and presence take for an engine is held to the same list. */
let isAway = false;
let nodes = 0;
const networks = new Map<string, FakeNetwork>();

function networkOf(prefix: string): FakeNetwork {
  const network = networks.get(prefix) ?? new FakeNetwork();
  networks.set(prefix, network);
  return network;
}

engineCases('the fake network', () => ({
  broker: {
    async kill() {
      isAway = true;
      for (const network of networks.values()) network.stopBroker();
    },
    async start() {
      isAway = false;
      for (const network of networks.values()) network.startBroker();
    },
  },
  async open({ prefix }) {
    const engine = networkOf(prefix).engine(`node ${(nodes += 1)}`);
    if (isAway) engine.cut();
    return { engine, use: async () => {}, close: async () => {} };
  },
}));
