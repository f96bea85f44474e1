import { Broker, canKill } from '../support/brokers.js';
import { PresenceProcess, type PresenceTask } from '../support/presence-nodes.js';

/** Not for a broker that others use. */
const itIfOurs = canKill('redis') ? it : it.skip;

describe('presence of three processes on redis-server', () => {
  let broker: Broker;
  let nodes: PresenceProcess[];
  let topics = 0;

  /** All of them know exactly these, with the same metas, and their listeners were told each join and leave once. */
  async function expectEverywhere(task: PresenceTask, among = nodes): Promise<void> {
    const reports = await Promise.all(among.map((node) => node.until(task)));
    for (const { list, diffed, faults } of reports) {
      expect(list).toEqual(reports[0]!.list);
      expect(diffed).toEqual(list);
      expect(faults).toEqual([]);
    }
  }

  beforeAll(async () => {
    broker = await Broker.start('redis');
  });

  beforeEach(async () => {
    // A topic of its own for each case, and for each run on a broker that is shared.
    const topic = `lobby ${process.pid} ${topics++}`;
    nodes = await Promise.all([1, 2, 3].map(() => PresenceProcess.start(broker.url, topic)));
  }, 60_000);

  afterEach(() => Promise.all(nodes.map((node) => node.kill())));

  afterAll(() => broker?.stop());

  it('is the same everywhere, the same key from two nodes included', async () => {
    const [a, b, c] = nodes as [PresenceProcess, PresenceProcess, PresenceProcess];
    const annAtA = await a.open('ann');
    const annAtB = await b.open('ann');
    const bob = await c.open('bob');
    await expectEverywhere({ ann: ['here', 'here'], bob: ['here'] });
    annAtB.text('away');
    bob.text('untrack');
    await expectEverywhere({ ann: ['away', 'here'] });
    annAtA.destroy();
    await expectEverywhere({ ann: ['away'] });
  }, 60_000);

  it('forgets a node that was killed, and learns of one that comes late', async () => {
    const [a, b, c] = nodes as [PresenceProcess, PresenceProcess, PresenceProcess];
    await Promise.all([a.open('ann'), b.open('bob'), c.open('ann'), c.open('cid')]);
    await expectEverywhere({ ann: ['here', 'here'], bob: ['here'], cid: ['here'] });
    await c.kill();
    await expectEverywhere({ ann: ['here'], bob: ['here'] }, [a, b]);
    const late = await PresenceProcess.start(broker.url, `lobby ${process.pid} ${topics - 1}`);
    nodes.push(late);
    await late.open('dan');
    await expectEverywhere({ ann: ['here'], bob: ['here'], dan: ['here'] }, [a, b, late]);
  }, 60_000);

  itIfOurs(
    'is the same everywhere again when the broker was killed and has come back',
    async () => {
      const [a, b, c] = nodes as [PresenceProcess, PresenceProcess, PresenceProcess];
      const ann = await a.open('ann');
      const bob = await b.open('bob');
      await c.open('cid');
      await expectEverywhere({ ann: ['here'], bob: ['here'], cid: ['here'] });
      await broker.kill();
      // What happens now nobody else is told.
      ann.text('away');
      bob.text('untrack');
      await c.open('ann');
      // The nodes take each other for dead: each knows its own only.
      await Promise.all([a.until({ ann: ['away'] }), b.until({}), c.until({ ann: ['here'], cid: ['here'] })]);
      await broker.start();
      await expectEverywhere({ ann: ['away', 'here'], cid: ['here'] });
    },
    60_000,
  );
});
