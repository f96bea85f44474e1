import {
  type CloseReason,
  type Connection,
  type DataMessage,
  ok,
  OnIn,
  OnInfo,
  OnInit,
  OnTerminate,
  OnUpgrade,
  Presence,
  type PresenceDiffInfo,
  type PresenceList,
  push,
  PubSub,
  stop,
  text,
  WebSockHandler,
  WebSockModule,
} from '../../src/index.js';
import { openHandler } from '../../src/testing/index.js';
import { Param } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { Log } from '../support/log.js';
import { closeApps, eachPlatform, startApp } from '../support/nest.js';

interface Meta {
  status: string;
}

let terminated: Log<string>;

/** A lobby as on Phoenix: the list first, then what changes. */
@WebSockHandler('lobby/:name')
class LobbyHandler {
  constructor(private readonly presence: Presence) {}

  @OnUpgrade()
  admit(@Param('name') name: string) {
    return name;
  }

  @OnInit()
  enter(name: string, connection: Connection) {
    connection.subscribe('lobby');
    const list = this.presence.list<Meta>('lobby');
    this.presence.track(connection, 'lobby', name, { status: 'here' });
    return push(text(`state ${inWords(list)}`), name);
  }

  @OnIn()
  say([, words]: DataMessage, name: string, connection: Connection) {
    if (words === 'leave') this.presence.untrack(connection, 'lobby', name);
    else if (words === 'stop') return stop('normal', name);
    else
      this.presence.update<Meta>(connection, 'lobby', name, (meta) => ({ ...meta, status: String(words) }));
    return ok(name);
  }

  @OnInfo()
  changed([, topic, { joins, leaves }]: PresenceDiffInfo<Meta>, name: string) {
    return push(text(`${topic} +${inWords(joins)} -${inWords(leaves)}`), name);
  }

  @OnTerminate()
  left(_reason: CloseReason, name: string, _facts: unknown, connection: Connection) {
    const ref = this.presence.track(connection, 'lobby', name, { status: 'late' });
    terminated.add(`${name} ${ref} ${inWords(this.presence.list<Meta>('lobby'))}`);
  }
}

/** Watches by the fastlane: its `handleInfo` is never called. */
@WebSockHandler('watch')
class WatchHandler {
  @OnInit()
  enter(_request: unknown, connection: Connection) {
    connection.subscribe<PresenceDiffInfo<Meta>>('lobby', {
      fastlane: ([event, , { joins, leaves }]) => text(JSON.stringify([event, { joins, leaves }])),
    });
    return push(text('watching'), null);
  }
}

/** `ann:here+away bob:here`: keys, and the statuses of their metas. */
function inWords(list: PresenceList<Meta>): string {
  return Object.entries(list)
    .map(([key, { metas }]) => `${key}:${metas.map(({ status }) => status).join('+')}`)
    .join(' ');
}

const metadata = { imports: [WebSockModule], providers: [LobbyHandler, WatchHandler] };

beforeEach(() => {
  terminated = new Log();
});
afterEach(closeApps);

eachPlatform('presence on %s', (platform) => {
  it('tells who is there, who comes, changes and goes', async () => {
    const app = await startApp(platform, metadata);
    const ann = await app.open('/lobby/ann');
    expect(await ann.nextText()).toBe('state ');
    expect(await ann.nextText()).toBe('lobby +ann:here -');
    const bob = await app.open('/lobby/bob');
    expect(await bob.nextText()).toBe('state ann:here');
    expect(await bob.nextText()).toBe('lobby +bob:here -');
    expect(await ann.nextText()).toBe('lobby +bob:here -');
    bob.text('away');
    expect(await ann.nextText()).toBe('lobby +bob:away -bob:here');
    bob.text('leave');
    expect(await ann.nextText()).toBe('lobby + -bob:away');
  });

  it('keeps the other connection of the same key', async () => {
    const app = await startApp(platform, metadata);
    const ann = await app.open('/lobby/ann');
    await ann.nextText();
    await ann.nextText();
    const desk = await app.open('/lobby/ann');
    expect(await desk.nextText()).toBe('state ann:here');
    expect(await ann.nextText()).toBe('lobby +ann:here -');
    desk.text('busy');
    expect(await ann.nextText()).toBe('lobby +ann:busy -ann:here');
    expect(inWords(app.app.get(Presence).list<Meta>('lobby'))).toBe('ann:here+busy');
    desk.destroy();
    expect(await ann.nextText()).toBe('lobby + -ann:busy');
    expect(inWords(app.app.get(Presence).list<Meta>('lobby'))).toBe('ann:here');
  });

  it('lets a connection leave when its end is decided: terminate does not find it, and cannot track it', async () => {
    const app = await startApp(platform, metadata);
    const ann = await app.open('/lobby/ann');
    await ann.nextText();
    const bob = await app.open('/lobby/bob');
    await bob.nextText();
    bob.text('stop');
    expect(await terminated.next()).toBe('bob undefined ann:here');
    bob.destroy();
    ann.destroy();
    expect(await terminated.next()).toBe('ann undefined ');
  });

  it('goes by the fastlane, in the shape that clients of Phoenix know', async () => {
    const app = await startApp(platform, metadata);
    const watcher = await app.open('/watch');
    expect(await watcher.nextText()).toBe('watching');
    await app.open('/lobby/ann');
    const [event, diff] = JSON.parse(await watcher.nextText()) as [string, object];
    expect(event).toBe('presence_diff');
    expect(diff).toEqual({
      joins: { ann: { metas: [{ status: 'here', phx_ref: expect.any(String) }] } },
      leaves: {},
    });
  });

  it('tells services that listen to the topic', async () => {
    const app = await startApp(platform, metadata);
    const diffs = new Log<PresenceDiffInfo>();
    app.app.get(PubSub).subscribe<PresenceDiffInfo>('lobby', (info) => diffs.add(info));
    await app.open('/lobby/ann');
    expect(Object.keys((await diffs.next())[2].joins)).toEqual(['ann']);
  });
});

describe('presence without a server', () => {
  it('works with openHandler where the module has WebSockModule', async () => {
    const module = await Test.createTestingModule(metadata).compile();
    const ann = await openHandler(module, LobbyHandler, { argument: 'ann' });
    await ann.expectPush(text('state '));
    await ann.expectPush(text('lobby +ann:here -'));
    const bob = await openHandler(module, LobbyHandler, { argument: 'bob' });
    await bob.expectPush(text('state ann:here'));
    await ann.expectPush(text('lobby +bob:here -'));
    bob.close();
    await ann.expectPush(text('lobby + -bob:here'));
    expect(inWords(module.get(Presence).list<Meta>('lobby'))).toBe('ann:here');
  });
});
