import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { Broker, canKill } from '../support/brokers.js';
import { ClusterNode } from '../support/cluster-node.js';

jest.setTimeout(90_000);

const NODES = 3;
const TOPICS = Array.from({ length: 37 }, (_, i) => `t${i}`);
/** 37 topics, 3 nodes, 9 listeners each: 999 connections, and one more. */
const EACH = 9;
/** 37 topics × 3 nodes × 300 ticks × 3: 99 900, and the last words. */
const PHASES = [120, 80, 100];
const PER_TICK = 3;

const suite = describe.each(['redis', 'nats'] as const);

suite('1 000 connections on 3 nodes over %s', (kind) => {
  let broker: Broker;
  let nodes: ClusterNode[] = [];

  beforeAll(async () => {
    broker = await Broker.start(kind);
    nodes = await Promise.all(Array.from({ length: NODES }, () => ClusterNode.start(broker.url)));
    await Promise.all(nodes.map((node) => node.ask('listen', TOPICS, EACH)));
    await nodes[0]!.ask('listen', TOPICS.slice(0, 1), 1);
  });

  afterAll(async () => {
    await Promise.all(nodes.map((node) => node.kill()));
    await broker?.stop();
  });

  (canKill(kind) ? it : it.skip)(
    'get 100 000 messages in order and once; what is lost is what the gaps and the counted mailbox drops say',
    async () => {
      const publish = (ticks: number) =>
        Promise.all(nodes.map((node) => node.ask('publish', TOPICS, ticks, PER_TICK)));
      const [first, second] = nodes as [ClusterNode, ClusterNode];
      const topic = TOPICS[0]!;
      await first.ask('idle', topic);
      const slow = second.ask('slow', topic);
      await second.next('slow is there');
      const [before, during, after] = PHASES as [number, number, number];
      await publish(before);
      const halfWays = nodes.map((node) => node.next('half way'));
      await Promise.all(halfWays);

      const publishing = publish(during);
      await Promise.race(nodes.map((node) => node.next('half way')));
      await broker.kill();
      await Promise.all(nodes.map((node) => node.next('lost')));
      await publishing;
      await broker.start();
      await Promise.all(nodes.map((node) => node.next('restored')));
      await publish(after);
      // The last words.
      await publish(0);
      await Promise.all(
        nodes.map((node) =>
          node.ask(
            'ended',
            nodes.map(({ name }) => name),
          ),
        ),
      );

      const reports = await Promise.all(nodes.map((node) => node.ask('report')));
      const published = reports.flatMap((report) => Object.values(report.published));
      expect(sum(published)).toBeGreaterThanOrEqual(100_000);
      expect(sum(reports.map(({ listeners }) => listeners.length))).toBe(1_000);
      const { received, made, code } = await slow;
      const [dropped] = (await second.next('slow is gone')) as [number];
      expect(code).toBe(1013);
      expect(dropped).toBeGreaterThan(0);
      expect(received + dropped).toBe(made);
      const missing = (reader: number) =>
        sum(nodes.map(({ name }) => reports[reader]!.gaps[`${topic} ${name}`] ?? 0));
      const toAll = sum(reports.map((report) => report.published[topic]!));
      expect(await first.ask('idled')).toBe(toAll - missing(0));

      let lost = 0;
      for (const [i, { listeners, gaps }] of reports.entries()) {
        const wrong: unknown[] = [];
        for (const { topic, heard } of listeners) {
          for (const [j, { name }] of nodes.entries()) {
            const missing = i === j ? 0 : (gaps[`${topic} ${name}`] ?? 0);
            const expected = reports[j]!.published[topic]! - missing;
            const { count, disordered } = heard[name]!;
            if (count !== expected || disordered > 0)
              wrong.push({ topic, name, expected, count, disordered });
          }
        }
        expect(wrong).toEqual([]);
        lost += sum(Object.values(gaps));
      }
      // The kill did hit.
      expect(lost).toBeGreaterThan(0);
    },
  );
});

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);
