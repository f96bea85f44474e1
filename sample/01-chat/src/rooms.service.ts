import { Injectable } from '@nestjs/common';
import { PubSub, type ConnectionRef } from 'nestjs-websock';
import type { RoomEvent } from './messages.js';

/** What happens in a room is broadcast to this topic. */
export function topicOf(room: string): string {
  return `room:${room}`;
}

/** Who is in which room. Knows connections by their references only. */
@Injectable()
export class RoomsService {
  private readonly rooms = new Map<string, Map<ConnectionRef, string>>();

  constructor(private readonly pubsub: PubSub) {}

  /** Lets a connection in, tells those who are there, and says who that is. */
  join(room: string, ref: ConnectionRef, name: string): string[] {
    const members = this.rooms.get(room) ?? new Map<ConnectionRef, string>();
    this.rooms.set(room, members.set(ref, name));
    const people = this.people(room);
    const event: RoomEvent = { type: 'joined', name, people };
    this.pubsub.broadcastFrom(ref, topicOf(room), event);
    return people;
  }

  leave(room: string, ref: ConnectionRef, name: string): void {
    const members = this.rooms.get(room);
    if (!members?.delete(ref)) return;
    if (members.size === 0) this.rooms.delete(room);
    this.tell(room, { type: 'left', name, people: this.people(room) });
  }

  /** Each member's handler gets the event as info, in its own turn. */
  tell(room: string, event: RoomEvent): void {
    this.pubsub.broadcast(topicOf(room), event);
  }

  private people(room: string): string[] {
    return [...(this.rooms.get(room)?.values() ?? [])].sort((a, b) => a.localeCompare(b));
  }
}
