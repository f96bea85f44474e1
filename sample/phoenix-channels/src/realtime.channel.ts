import { Presence } from 'nestjs-websock';
import { z } from 'zod';
import type { ChannelSocket } from './channel-socket.js';
import { PhoenixChannel, type Channel, type ChannelResult, type JoinResult } from './channel.js';
import { Endpoint } from './endpoint.js';
import { verify } from './tokens.js';
import { BROADCAST } from './user-broadcast.js';

/** What a client says when it joins. */
const Joining = z.object({
  config: z.object({
    broadcast: z.object({ ack: z.boolean().default(false), self: z.boolean().default(false) }),
    // No presence has a key with a lone surrogate.
    presence: z.object({
      key: z
        .string()
        .regex(/^\P{Surrogate}{0,100}$/u, 'a key has at most 100 characters')
        .default(''),
    }),
    postgres_changes: z.array(z.unknown()).max(0, 'there is no database here'),
    private: z.literal(false, 'there are no private channels here'),
  }),
  access_token: z.string().optional(),
});

const UserEvent = z.object({ event: z.string(), payload: z.unknown() });
const Meta = z
  .record(z.string(), z.unknown())
  .refine((meta) => JSON.stringify(meta).length <= 4_096, 'a meta has at most 4,096 characters');
const Attendance = z.discriminatedUnion('event', [
  z.object({ event: z.literal('track'), payload: Meta }),
  z.object({ event: z.literal('untrack') }),
]);

interface Subscriber {
  /** Are its broadcasts answered? */
  readonly ack: boolean;
  /** Does it hear its own? */
  readonly self: boolean;
  /** What it is listed under while it tracks itself. */
  readonly key: string;
}

type Result = ChannelResult<Subscriber>;

/** Broadcast and presence of `@supabase/realtime-js`, whose `channel('kitchen')` is the topic `realtime:kitchen`. */
@PhoenixChannel('realtime:*')
export class RealtimeChannel implements Channel<Subscriber> {
  constructor(
    private readonly endpoint: Endpoint,
    private readonly presence: Presence,
  ) {}

  join(topic: string, payload: unknown, { user, send }: ChannelSocket): JoinResult<Subscriber> {
    // ASCII: the client's binary messages have one byte for each character.
    if (!/^realtime:[ -~]{1,100}$/.test(topic)) return ['error', { reason: 'no such channel' }];
    const { data, error } = Joining.safeParse(payload);
    if (error) return refusal(error);
    const { config, access_token: token } = data;
    if (token !== undefined && verify(token) !== user) return ['error', { reason: 'not your token' }];
    send('joined');
    return ['ok', { ...config.broadcast, key: config.presence.key || user }];
  }

  /** Once the client has its reply and hears the channel. */
  handleInfo(_joined: 'joined', state: Subscriber, { topic }: ChannelSocket): Result {
    return ['push', [['presence_state', this.presence.list(topic)]], state];
  }

  handleIn(event: string, payload: unknown, state: Subscriber, socket: ChannelSocket): Result {
    switch (event) {
      case BROADCAST:
        return this.broadcast(payload, state, socket);
      case 'presence':
        return this.attend(payload, state, socket);
      case 'access_token':
        return this.renew(payload, state, socket);
      default:
        return ['reply', ['error', { reason: 'no such event' }], state];
    }
  }

  private broadcast(payload: unknown, state: Subscriber, { topic, connection }: ChannelSocket): Result {
    const { data, error } = UserEvent.safeParse(payload);
    if (error) return ['reply', refusal(error), state];
    const message = { type: BROADCAST, ...data };
    if (state.self) this.endpoint.broadcast(topic, BROADCAST, message);
    else this.endpoint.broadcastFrom(connection, topic, BROADCAST, message);
    return state.ack ? ['reply', ['ok'], state] : ['noreply', state];
  }

  private attend(payload: unknown, state: Subscriber, { topic, connection }: ChannelSocket): Result {
    const { data, error } = Attendance.safeParse(payload);
    if (error) return ['reply', refusal(error), state];
    if (data.event === 'track') this.presence.track(connection, topic, state.key, data.payload);
    else this.presence.untrack(connection, topic, state.key);
    return ['reply', ['ok'], state];
  }

  /** The client has another token. It is still the same user's, or the channel ends. */
  private renew(payload: unknown, state: Subscriber, { user }: ChannelSocket): Result {
    const token = (payload as { access_token?: unknown } | null)?.access_token;
    return verify(token) === user
      ? ['reply', ['ok'], state]
      : ['stop', ['shutdown', 'not their token'], state];
  }
}

function refusal({ issues }: z.ZodError) {
  return ['error', { reason: issues.map(({ message }) => message).join(', ') }] as const;
}
