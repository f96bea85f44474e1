import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import type { ServerOptions, Socket as EngineSocket } from 'engine.io';
import type { HostedRequest, HostedSocket } from 'nestjs-websock';
import { Server, type DefaultEventsMap, type Namespace, type Socket } from 'socket.io';
import type { FromClient, FromLobby, FromServer } from './events.js';
import { HostedEngine } from './hosted-engine.js';

export const ENGINE_OPTIONS = 'options of engine.io';

/** Who is at the other end, by the upgrade. */
export interface Member {
  readonly name: string;
  readonly team: string;
}

interface Data {
  member: Member;
}

export type TeamSocket = Socket<FromClient, FromServer, DefaultEventsMap, Data>;

/** Bytes that may wait in engine.io for a client that does not read. */
const MAX_WAITING = 4_000_000;
/** What a packet takes besides its data, about. */
const PACKET_SIZE = 100;

/** socket.io, to the end of the app: its namespaces, and the way in for connections. */
@Injectable()
export class IoService implements OnModuleDestroy {
  readonly engine: HostedEngine;
  readonly teams: Namespace<FromClient, FromServer, DefaultEventsMap, Data>;
  readonly lobby: Namespace<DefaultEventsMap, FromLobby, DefaultEventsMap, Data>;
  private readonly io = new Server<DefaultEventsMap, DefaultEventsMap, DefaultEventsMap, Data>();
  private readonly members = new WeakMap<object, Member>();

  constructor(@Inject(ENGINE_OPTIONS) options: ServerOptions) {
    this.engine = new HostedEngine(options);
    this.engine.on('connection', boundWaiting);
    // Not attach(): the HTTP server stays Nest's, and nobody but Nest closes it.
    this.io.bind(this.engine);
    this.teams = this.io.of('/');
    this.lobby = this.io.of('/lobby');
    this.teams.use((socket, next) => this.admit(socket, next));
    this.lobby.use((socket, next) => this.admit(socket, next));
  }

  /** Takes a connection of a member. */
  accept(socket: HostedSocket, request: HostedRequest, member: Member): void {
    this.members.set(request, member);
    this.engine.accept(socket, request);
  }

  /** After the connections have been closed. */
  onModuleDestroy(): Promise<void> {
    return this.io.close();
  }

  /** Who it is comes from the upgrade, whatever the client says of itself in `auth`. */
  private admit(socket: Socket<any, any, any, Data>, next: () => void): void {
    socket.data.member = this.members.get(socket.request)!;
    next();
  }
}

/** engine.io keeps what waits for a client that does not read, however much it is. */
function boundWaiting(connection: EngineSocket): void {
  let waiting = 0;
  connection.on('packetCreate', ({ data }: { data?: string | NodeJS.ArrayBufferView }) => {
    waiting += PACKET_SIZE + (typeof data === 'string' ? data.length : (data?.byteLength ?? 0));
    if (waiting > MAX_WAITING) connection.close(true);
  });
  connection.on('flush', () => (waiting = 0));
}
