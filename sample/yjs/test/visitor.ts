import { WebSocket, type ClientOptions } from 'ws';
import { WebsocketProvider } from 'y-websocket';
import { Doc } from 'yjs';
import { Log } from '../../../test/support/log.js';

interface Options {
  name?: string;
  document?: string;
  params?: Record<string, string>;
}

const visitors = new Set<Visitor>();

/** y-websocket's own client, with a list that it shares, and the sockets that it uses. */
export class Visitor {
  readonly doc = new Doc();
  readonly list = this.doc.getArray<string>('list');
  readonly provider: WebsocketProvider;
  /** The latest is the last. */
  readonly sockets: WebSocket[] = [];
  /** All messages of all sockets, both ways. */
  readonly messages: (string | Buffer)[] = [];
  readonly closeCodes = new Log<number | undefined>();

  constructor(port: number, { name = 'Ada', document = 'notes', params = { as: name } }: Options = {}) {
    const { sockets, messages } = this;
    class Socket extends WebSocket {
      constructor(url: string, protocols: string[], options?: ClientOptions) {
        super(url, protocols, options);
        sockets.push(this);
        this.on('message', (data: Buffer, isBinary) =>
          messages.push(isBinary ? Buffer.from(data) : data.toString()),
        );
      }
      override send(data: Uint8Array | string) {
        messages.push(typeof data === 'string' ? data : Buffer.from(data));
        super.send(data);
      }
    }
    this.provider = new WebsocketProvider(`ws://127.0.0.1:${port}/documents`, document, this.doc, {
      params,
      WebSocketPolyfill: Socket as unknown as typeof globalThis.WebSocket,
      // Providers of one process talk to each other otherwise.
      disableBc: true,
      maxBackoffTime: 100,
    });
    // Each time anew: the others take no state for news that they have had before, from an app that is gone.
    this.provider.on('status', ({ status }) => {
      if (status === 'connected') this.provider.awareness.setLocalState({ name });
    });
    this.provider.on('connection-close', (event) => this.closeCodes.add(event?.code));
    visitors.add(this);
  }

  static async on(port: number, options?: Options): Promise<Visitor> {
    const visitor = new Visitor(port, options);
    await visitor.synced();
    return visitor;
  }

  get socket(): WebSocket {
    return this.sockets.at(-1)!;
  }

  /** Who is there, as this one sees it. */
  get present(): string[] {
    const states = [...this.provider.awareness.getStates().values()];
    return states.map((state) => state.name as string).sort();
  }

  /** Until it has everything that the server has. */
  synced(): Promise<void> {
    return new Promise((resolve) => {
      if (this.provider.synced) resolve();
      else this.provider.once('sync', () => resolve());
    });
  }

  write(...things: string[]): void {
    this.list.push(things);
  }

  /** Until its document is so. */
  sees(holds: (list: string[]) => boolean): Promise<void> {
    return until(this.doc, 'update', () => holds(this.list.toArray()));
  }

  async reads(...things: string[]): Promise<void> {
    await this.sees((list) => things.every((thing) => list.includes(thing)));
  }

  /** Until these are there. */
  meets(...names: string[]): Promise<void> {
    return until(this.provider.awareness, 'change', () => this.present.join() === names.join());
  }

  leave(): void {
    visitors.delete(this);
    this.provider.destroy();
    this.doc.destroy();
  }
}

interface Emitter {
  on(event: string, listener: () => void): void;
  off(event: string, listener: () => void): void;
}

function until(emitter: unknown, event: string, holds: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const look = () => {
      if (!holds()) return;
      (emitter as Emitter).off(event, look);
      resolve();
    };
    (emitter as Emitter).on(event, look);
    look();
  });
}

/** For `afterEach`. */
export function allLeave(): void {
  for (const visitor of visitors) {
    visitor.leave();
    // One that does not read would wait for the close frame.
    for (const socket of visitor.sockets) socket.terminate();
  }
}
