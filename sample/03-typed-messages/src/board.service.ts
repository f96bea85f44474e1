import { Injectable } from '@nestjs/common';
import { PubSub } from 'nestjs-websock';
import { NoteChanged, NoteRemoved, type Note } from './messages.js';

/** Changes of the board are broadcast to this topic. */
export const BOARD_TOPIC = 'board';

/** The notes. Whoever looks at them is subscribed to the topic. */
@Injectable()
export class BoardService {
  private readonly notes = new Map<number, Note>();
  private lastId = 0;

  constructor(private readonly pubsub: PubSub) {}

  all(): Note[] {
    return [...this.notes.values()];
  }

  add(text: string, x: number, y: number): void {
    this.put({ id: ++this.lastId, text, x, y });
  }

  /** false: there is no such note. */
  move(id: number, x: number, y: number): boolean {
    const note = this.notes.get(id);
    if (note) this.put({ ...note, x, y });
    return note !== undefined;
  }

  /** false: there is no such note. */
  remove(id: number): boolean {
    const existed = this.notes.delete(id);
    if (existed) this.tell(new NoteRemoved(id));
    return existed;
  }

  private put(note: Note): void {
    this.notes.set(note.id, note);
    this.tell(new NoteChanged(note));
  }

  private tell(info: NoteChanged | NoteRemoved): void {
    this.pubsub.broadcast(BOARD_TOPIC, info);
  }
}
