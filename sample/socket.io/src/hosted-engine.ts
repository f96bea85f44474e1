import type { IncomingMessage } from 'node:http';
import { Duplex } from 'node:stream';
import { Server, type ServerOptions } from 'engine.io';
import type { HostedRequest, HostedSocket } from 'nestjs-websock';

const NO_HEAD = Buffer.alloc(0);

/**
 * engine.io, the transport below socket.io, on connections whose upgrade has been made. All by its public interface: `handleUpgrade`
 * checks the request and asks what `wsEngine` names, ws elsewhere, for the socket; here that is there already.
 */
export class HostedEngine extends Server {
  constructor(options: ServerOptions) {
    super({ ...options, transports: ['websocket'], wsEngine: OpenSockets });
  }

  /** Takes a connection. One whose request is not engine.io's is closed with 1008. */
  accept(socket: HostedSocket, request: HostedRequest): void {
    this.handleUpgrade(request as unknown as IncomingMessage, new Upgraded(socket), NO_HEAD);
  }
}

/** In the place of Node's socket, which engine.io destroys to refuse. */
class Upgraded extends Duplex {
  constructor(readonly hosted: HostedSocket) {
    super();
  }

  /** Its HTTP answer comes too late. */
  override _write(_bytes: Buffer, _encoding: string, done: () => void): void {
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.hosted.close(1008, 'not a connection of engine.io');
    done(error);
  }
}

/** In the place of ws. */
class OpenSockets {
  handleUpgrade(
    _request: IncomingMessage,
    { hosted }: Upgraded,
    _head: Buffer,
    opened: (socket: HostedSocket) => void,
  ): void {
    opened(hosted);
  }

  /** engine.io has closed the sockets. */
  close(): void {}
}
