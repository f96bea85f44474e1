import { BadRequestException, Param, Query } from '@nestjs/common';
import {
  Connection,
  ok,
  OnIn,
  OnInfo,
  OnInit,
  OnTerminate,
  OnUpgrade,
  push,
  WebSockHandler,
  type CloseReason,
  type DataMessage,
} from 'nestjs-websock';
import { json, parseSay, type RoomEvent } from './messages.js';
import { RoomsService, topicOf } from './rooms.service.js';

interface Visitor {
  readonly room: string;
  readonly name: string;
}

/** What a connection remembers from one callback to the next. */
interface State extends Visitor {
  readonly said: number;
}

@WebSockHandler('rooms/:room', { maxMessageSize: 16_384 })
export class RoomHandler {
  constructor(private readonly rooms: RoomsService) {}

  /** An ordinary controller method: what it throws is the HTTP answer, what it returns is for `enter`. */
  @OnUpgrade()
  admit(@Param('room') room: string, @Query('name') name?: string): Visitor {
    if (!isLabel(room)) throw new BadRequestException('The name of a room has 1 to 30 characters.');
    if (!isLabel(name)) throw new BadRequestException('Give a name of 1 to 30 characters: ?name=Ada');
    return { room, name: name.trim() };
  }

  @OnInit()
  enter({ room, name }: Visitor, connection: Connection) {
    connection.subscribe(topicOf(room));
    const people = this.rooms.join(room, connection.ref, name);
    return push(json({ type: 'welcome', room, name, people }), { room, name, said: 0 });
  }

  /** From the client. A bad message gets an answer, and the connection stays. */
  @OnIn()
  say(message: DataMessage, state: State) {
    const parsed = parseSay(message);
    if ('error' in parsed) return push(json({ type: 'error', error: parsed.error }), state);
    this.rooms.tell(state.room, { type: 'said', name: state.name, text: parsed.say, at: Date.now() });
    return ok({ ...state, said: state.said + 1 });
  }

  /** From the room. */
  @OnInfo()
  tell(event: RoomEvent, state: State) {
    return push(json(event), state);
  }

  @OnTerminate()
  leave(_reason: CloseReason, { room, name }: State, _facts: unknown, connection: Connection) {
    this.rooms.leave(room, connection.ref, name);
  }
}

function isLabel(value: unknown): value is string {
  return typeof value === 'string' && /^(?=.*\S).{1,30}$/u.test(value);
}
