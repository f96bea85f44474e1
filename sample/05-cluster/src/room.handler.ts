import { BadRequestException, Inject, Param, Query } from '@nestjs/common';
import {
  Connection,
  json,
  ok,
  OnIn,
  OnInfo,
  OnInit,
  OnUpgrade,
  Presence,
  PubSub,
  push,
  WebSockHandler,
  type GapInfo,
  type PresenceDiffInfo,
} from 'nestjs-websock';
import type { z } from 'zod';
import { Said, Say, type Person, type ServerMessage } from './messages.js';
import { SETTINGS, type Settings } from './settings.js';

interface Visitor {
  readonly room: string;
  readonly name: string;
}

interface State {
  /** What everybody in the room listens to, on every node. */
  readonly topic: string;
  readonly name: string;
}

/** Nothing here asks on which node anybody is: topics and presences are those of all nodes. */
@WebSockHandler('rooms/:room', { maxMessageSize: 16_384 })
export class RoomHandler {
  constructor(
    private readonly pubsub: PubSub,
    private readonly presence: Presence,
    @Inject(SETTINGS) private readonly settings: Settings,
  ) {}

  @OnUpgrade()
  admit(@Param('room') room: string, @Query('name') name?: string): Visitor {
    if (!isLabel(room)) throw new BadRequestException('The name of a room has 1 to 30 characters.');
    if (!isLabel(name)) throw new BadRequestException('Give a name of 1 to 30 characters: ?name=Ada');
    return { room, name: name.trim() };
  }

  /** Both are released with the connection: there is no `@OnTerminate`. */
  @OnInit()
  enter({ room, name }: Visitor, connection: Connection) {
    const topic = `room:${room}`;
    const { node, nodes } = this.settings;
    connection.subscribe(topic, { gaps: true });
    this.presence.track(connection, topic, name, { node });
    return push(message({ type: 'welcome', node, nodes, people: this.people(topic) }), { topic, name });
  }

  @OnIn(Say)
  say({ say }: z.infer<typeof Say>, state: State) {
    this.pubsub.broadcast(state.topic, new Said(state.name, say, Date.now()));
    return ok(state);
  }

  /** Whichever node it was said on. */
  @OnInfo(Said)
  said({ name, text, at }: Said, state: State) {
    return push(message({ type: 'said', name, text, at }), state);
  }

  @OnInfo()
  changed([what]: PresenceDiffInfo | GapInfo, state: State) {
    if (what === 'gap') return push(message({ type: 'gap' }), state);
    return push(message({ type: 'people', people: this.people(state.topic) }), state);
  }

  private people(topic: string): Person[] {
    const list = Object.entries(this.presence.list<{ node: string }>(topic));
    return list
      .map(([name, { metas }]) => ({ name, nodes: [...new Set(metas.map(({ node }) => node))].sort() }))
      .sort((a, b) => a.name.localeCompare(b.name));
  }
}

const message = (it: ServerMessage) => json(it);

function isLabel(value: unknown): value is string {
  return typeof value === 'string' && /^(?=.*\S).{1,30}$/u.test(value);
}
