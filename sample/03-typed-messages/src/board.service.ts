import { Injectable } from '@nestjs/common';
import { Connections, type ConnectionRef } from 'nestjs-websock';
import { NoteChanged, NoteRemoved, type Note } from './messages.js';

/** The notes, and who looks at them. */
@Injectable()
export class BoardService {
  private readonly notes = new Map<number, Note>();
  private readonly watchers = new Set<ConnectionRef>();
  private lastId = 0;

  constructor(private readonly connections: Connections) {}

  join(ref: ConnectionRef): Note[] {
    this.watchers.add(ref);
    return [...this.notes.values()];
  }

  leave(ref: ConnectionRef): void {
    this.watchers.delete(ref);
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
    for (const ref of this.watchers) this.connections.sendInfo(ref, info);
  }
}
