import { createHash } from 'node:crypto';
import { Presence } from 'nestjs-websock';
import type { ChannelSocket } from './channel-socket.js';
import { PhoenixChannel, type Channel, type ChannelResult, type JoinResult } from './channel.js';
import { Endpoint } from './endpoint.js';

interface Room {
  /** How often this client has said something. */
  readonly said: number;
}

/** `room:kitchen` and any other: who is there, what they say, the pictures that they show. */
@PhoenixChannel('room:*')
export class RoomChannel implements Channel<Room> {
  constructor(
    private readonly endpoint: Endpoint,
    private readonly presence: Presence,
  ) {}

  join(topic: string, _payload: unknown, { user, send }: ChannelSocket): JoinResult<Room> {
    if (!/^room:[\w-]{1,30}$/.test(topic)) return ['error', { reason: 'no such room' }];
    send('joined');
    return ['ok', { user }, { said: 0 }];
  }

  /** Once the client has its reply and hears the room. */
  handleInfo(
    _joined: 'joined',
    state: Room,
    { topic, user, connection }: ChannelSocket,
  ): ChannelResult<Room> {
    this.presence.track(connection, topic, user, { since: Date.now() });
    return ['push', [['presence_state', this.presence.list(topic)]], state];
  }

  handleIn(event: string, payload: unknown, state: Room, socket: ChannelSocket): ChannelResult<Room> {
    switch (event) {
      case 'say':
        return this.say(payload, state, socket);
      case 'typing':
        return this.typing(state, socket);
      case 'picture':
        return this.show(payload, state, socket);
      default:
        // As if it were thrown, without a line in the log, which a client must not fill.
        return ['stop', 'no such event', state];
    }
  }

  private say(payload: unknown, { said }: Room, { topic, user }: ChannelSocket): ChannelResult<Room> {
    const text = (payload as { text?: unknown } | null)?.text;
    if (typeof text !== 'string' || !/^(?=.*\S).{1,500}$/su.test(text))
      return ['reply', ['error', { reason: 'a text has 1 to 500 characters' }], { said }];
    this.endpoint.broadcast(topic, 'said', { user, text });
    return ['reply', ['ok', { said: said + 1 }], { said: said + 1 }];
  }

  private typing(state: Room, { topic, user, connection }: ChannelSocket): ChannelResult<Room> {
    this.endpoint.broadcastFrom(connection, topic, 'typing', { user });
    return ['noreply', state];
  }

  /** Bytes go on as bytes. The one who shows them gets their SHA-256. */
  private show(payload: unknown, state: Room, { topic, connection }: ChannelSocket): ChannelResult<Room> {
    if (!(payload instanceof Uint8Array))
      return ['reply', ['error', { reason: 'a picture is bytes' }], state];
    this.endpoint.broadcastFrom(connection, topic, 'picture', payload);
    return ['reply', ['ok', createHash('sha256').update(payload).digest()], state];
  }
}
