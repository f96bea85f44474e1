import { Injectable } from '@nestjs/common';
import { docs, getYDoc } from '@y/websocket-server/utils';
import { Board } from './board.js';
import { BoardLimits } from './board-limits.js';

/**
 * The boards that somebody is on, and the last ones that nobody is on any more. The library on its own keeps every document that was
 * ever asked for; here what is left is a number of bytes, in memory: a restart forgets the boards of which no page brings a copy.
 */
@Injectable()
export class BoardsService {
  private readonly boards = new Map<string, Board>();
  /** The one left longest ago first. */
  private readonly kept = new Map<string, Uint8Array>();
  private keptBytes = 0;

  constructor(private readonly limits: BoardLimits) {}

  hasRoomFor(name: string): boolean {
    const board = this.boards.get(name);
    if (board !== undefined) return board.people < this.limits.people;
    return this.boards.size < this.limits.open;
  }

  /** For each connection once, before the library gets it. */
  open(name: string): Board {
    const board = this.boards.get(name) ?? new Board(getYDoc(name), this.limits.bytes, this.take(name));
    this.boards.set(name, board);
    return board;
  }

  /** For each connection once, after the library has let go of it. */
  left(board: Board): void {
    const { name } = board.shared;
    if (board.people > 0 || this.boards.get(name) !== board) return;
    if (!board.isEmpty) this.keep(name, board.state);
    this.boards.delete(name);
    docs.delete(name);
    board.shared.destroy();
  }

  private keep(name: string, state: Uint8Array): void {
    this.kept.set(name, state);
    this.keptBytes += state.length;
    for (const oldest of this.kept.keys()) {
      if (this.kept.size <= this.limits.kept && this.keptBytes <= this.limits.keptBytes) break;
      this.take(oldest);
    }
  }

  private take(name: string): Uint8Array | undefined {
    const state = this.kept.get(name);
    this.kept.delete(name);
    this.keptBytes -= state?.length ?? 0;
    return state;
  }
}
