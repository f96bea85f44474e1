import { AsyncResource } from 'node:async_hooks';
import { Connections } from '../../src/connection/connections.js';
import type { Handler } from '../../src/connection/handler.js';
import type { LiveConnection } from '../../src/connection/live-connection.js';
import { ConnectionRegistry } from '../../src/connection/registry.js';
import type { DataMessage, RawMessage } from '../../src/websock/message.js';
import { resolveOptions } from '../../src/websock/options.js';
import type { UpgradeRequest } from '../../src/websock/request.js';
import type { HandleResult } from '../../src/websock/result.js';
import { TEXTS, type Bench } from './bench.js';
import { Meter, NullTransport } from './null-transport.js';

/** Clients whose messages come in turn, so that what is asynchronous overlaps, as on a server. */
export const CLIENTS = 64;

/** One side of a comparison: our connections, or the bare function. */
export interface Side {
  readonly meter: Meter;
  /** Takes a message of one client; an element for each. */
  readonly receive: readonly ((message: RawMessage) => void)[];
  /** Ends it: the messages that the states have counted. */
  end(): number;
}

const REQUEST: UpgradeRequest = {
  url: '/bench',
  path: '/bench',
  params: {},
  query: {},
  headers: {},
  remoteAddress: '127.0.0.1',
  protocol: '',
};

/** Connections of ours, opened as a server opens them, on transports that do nothing. */
export function ourSide(handler: Handler, { give = receiveMessage }: Bench): Side {
  const meter = new Meter();
  const registry = new ConnectionRegistry();
  const connections = new Connections(registry);
  const options = resolveOptions('bench', { timeout: Infinity, heartbeat: false });
  let counted = 0;
  const terminate = (_reason: unknown, state: unknown) => (counted += state as number);
  const spied: Handler = { ...handler, websock: { ...handler.websock, terminate } };
  const opened = Array.from({ length: CLIENTS }, () => {
    const context = new AsyncResource('WebSockConnection');
    const spec = { handler: spied, argument: 0, request: REQUEST, options, context };
    const connection = registry.open(spec, (listener) => new NullTransport(meter, listener));
    connection.start();
    return connection;
  });
  return {
    meter,
    receive: opened.map((connection) => (message) => give(connection, message, connections)),
    end() {
      for (const connection of opened) {
        connection.destroy(1001);
        connection.transportClosed();
      }
      return counted;
    },
  };
}

function receiveMessage(connection: LiveConnection, message: RawMessage): void {
  connection.receiveMessage(message as DataMessage, message[1]!.length);
}

/** The bare function, with a state for each client: what one would write into the listener of a socket. */
export function bareSide({ bare, messages = TEXTS }: Bench): Side {
  const meter = new Meter();
  const clients = Array.from({ length: CLIENTS }, () => new BareClient(new NullTransport(meter)));
  const first = bare(messages[0]!, 0);
  const receive = clients.map((client) => {
    if (Symbol.asyncIterator in first)
      return (message: RawMessage) =>
        void client.each(bare(message, client.state) as AsyncGenerator<HandleResult<number>>);
    if ('then' in first)
      return (message: RawMessage) =>
        void client.await(bare(message, client.state) as Promise<HandleResult<number>>);
    return (message: RawMessage) => client.apply(bare(message, client.state) as HandleResult<number>);
  });
  return { meter, receive, end: () => clients.reduce((sum, { state }) => sum + state, 0) };
}

class BareClient {
  state = 0;

  constructor(readonly transport: NullTransport) {}

  apply(result: HandleResult<number>): void {
    if (result[0] === 'push') {
      const [opcode, payload] = result[1] as RawMessage;
      this.transport.send(opcode as 'text', payload as string);
      this.state = result[2];
    } else {
      this.state = result[1] as number;
    }
  }

  async await(result: Promise<HandleResult<number>>): Promise<void> {
    this.apply(await result);
  }

  async each(results: AsyncGenerator<HandleResult<number>>): Promise<void> {
    for await (const result of results) this.apply(result);
  }
}
