import { Connection, json, ok, OnIn, OnInfo, OnInit, push, WebSockHandler } from 'nestjs-websock';
import { messagePack } from 'nestjs-websock/msgpack';
import { BOARD_TOPIC, BoardService } from './board.service.js';
import { Add, BOARD, Move, NoteChanged, NoteRemoved, Remove, type ServerMessage } from './messages.js';

/** One method for each kind of message. What reaches it has been checked, and is typed. */
@WebSockHandler('board', { maxMessageSize: 4_096 })
export class BoardHandler {
  constructor(private readonly board: BoardService) {}

  @OnInit()
  open(_argument: unknown, connection: Connection) {
    connection.subscribe(BOARD_TOPIC);
    return send({ type: 'board', board: BOARD, notes: this.board.all() });
  }

  @OnIn(Add)
  add({ text, x, y }: Add) {
    this.board.add(text, x, y);
    return ok(null);
  }

  @OnIn(Move)
  move({ id, x, y }: Move) {
    return this.board.move(id, x, y) ? ok(null) : noSuchNote(id);
  }

  @OnIn(Remove)
  remove({ id }: Remove) {
    return this.board.remove(id) ? ok(null) : noSuchNote(id);
  }

  @OnInfo(NoteChanged)
  changed({ note }: NoteChanged) {
    return send({ type: 'note', note });
  }

  @OnInfo(NoteRemoved)
  removed({ id }: NoteRemoved) {
    return send({ type: 'removed', id });
  }
}

/** The same, in MessagePack: neither the clauses nor what they push know it. */
@WebSockHandler('board/packed', { maxMessageSize: 4_096, codec: messagePack() })
export class PackedBoardHandler extends BoardHandler {}

function send(message: ServerMessage) {
  return push(json(message), null);
}

function noSuchNote(id: number) {
  return send({ type: 'error', code: 'no_such_note', message: `there is no note ${id}` });
}
