import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createClient } from 'redis';
import { ok, upgrade, WebSockServer, type PresenceDiffInfo, type WebSock } from '../../src/core.js';
import { redis } from '../../src/redis.js';
import { DiffedList, sortedList } from './diffed-list.js';
import type { PresenceReport, PresenceTask } from './presence-nodes.js';

/** A node whose connections are present in a topic under the key that their path names; an `untrack` or another word is its status. */
const [brokerUrl, topic] = process.argv.slice(2) as [string, string];

const server = new WebSockServer({
  cluster: {
    engine: redis({ client: createClient({ url: brokerUrl }) }),
    heartbeat: 200,
    nodeTimeout: 1_500,
  },
});
const { presence, pubsub } = server;

const websock: WebSock<string, string> = {
  init(key, connection) {
    presence.track(connection, topic, key, { status: 'here', at: new Date(0) });
    return ok(key);
  },
  handleIn([, word], key, connection) {
    if (word === 'untrack') presence.untrack(connection, topic, key);
    else presence.update(connection, topic, key, (meta) => ({ ...meta, status: String(word) }));
    return ok(key);
  },
};

const diffed = new DiffedList();
const faults: string[] = [];
let asked: PresenceTask | undefined;

pubsub.subscribe<PresenceDiffInfo>(topic, (info) => {
  try {
    diffed.apply(info);
  } catch (error) {
    faults.push((error as Error).message);
  }
  look();
});

/** Answers when the list is as the test waits for. It is ahead of the diffs until the tick is over. */
function look(): void {
  if (isAsAsked()) setImmediate(answer);
}

function answer(): void {
  if (!isAsAsked()) return;
  const report: PresenceReport = { list: sortedList(presence.list(topic)), diffed: diffed.all, faults };
  asked = undefined;
  process.send!(report);
}

function isAsAsked(): boolean {
  if (asked === undefined) return false;
  const list = Object.entries(presence.list<{ status: string }>(topic));
  const statuses = list.map(([key, { metas }]) => [key, metas.map(({ status }) => status).sort()]);
  return isSame(Object.fromEntries(statuses) as PresenceTask, asked);
}

function isSame(one: PresenceTask, other: PresenceTask): boolean {
  const inOrder = (task: PresenceTask) => JSON.stringify(Object.entries(task).sort());
  return inOrder(one) === inOrder(other);
}

const http = createServer((request, response) => {
  upgrade(request, websock, request.url!.slice(1));
  response.end();
});
server.attach(http);
await server.start();
await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));

process.on('message', (task: PresenceTask) => {
  asked = task;
  look();
});
process.once('disconnect', () => process.exit());
process.send!({ port: (http.address() as AddressInfo).port });
