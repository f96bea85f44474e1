import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { serverOptions, type StartOptions } from './options.js';
import type { Stack, StartStack } from './stacks/stack.js';
import { Traces, type TraceEvent } from './trace.js';

/**
 * What the fixture does for a runner (README.md). Runners reach it by HTTP only: what a client has sent before is then
 * read before.
 */
export interface Control {
  /** Starts a server; its port. */
  start(options: StartOptions): Promise<number>;
  /** Begins to shut it down, and does not wait. */
  stop(port: number): Promise<void>;
  trace(id: string): Promise<{ alive: boolean; trace: readonly TraceEvent[] }>;
  /** A message from elsewhere for the connection of the case. */
  info(id: string, message: string): Promise<void>;
}

/** The servers under test, in this process. */
export class Fixture implements Control {
  readonly #start: StartStack;
  readonly #traces = new Traces();
  readonly #stacks = new Map<number, Stack>();
  readonly #stopping = new Map<number, Promise<void>>();

  constructor(start: StartStack) {
    this.#start = start;
  }

  async start(options: StartOptions): Promise<number> {
    const stack = await this.#start({ ...serverOptions(options), traces: this.#traces });
    this.#stacks.set(stack.port, stack);
    return stack.port;
  }

  async stop(port: number): Promise<void> {
    const stack = this.#stacks.get(port);
    if (stack === undefined || this.#stopping.has(port)) return;
    const stopped = stack.stop().finally(() => {
      this.#stacks.delete(port);
      this.#stopping.delete(port);
    });
    this.#stopping.set(port, stopped);
  }

  async trace(id: string): Promise<{ alive: boolean; trace: readonly TraceEvent[] }> {
    const { alive, events } = this.#traces.of(id);
    return { alive, trace: events };
  }

  async info(id: string, message: string): Promise<void> {
    const { ref } = this.#traces.of(id);
    if (ref === undefined) return;
    for (const stack of this.#stacks.values()) stack.sendInfo(ref, message);
  }

  /** Stops everything, and waits for it. */
  async close(): Promise<void> {
    await Promise.all([...this.#stacks.keys()].map((port) => this.stop(port)));
    await Promise.all(this.#stopping.values());
    this.#traces.close();
  }
}

export interface ControlServer {
  readonly url: string;
  /** Stops everything, and waits for it. */
  close(): Promise<void>;
}

/** Offers a fixture on a control port. */
export async function serveControl(fixture: Fixture, port = 0): Promise<ControlServer> {
  const server = createServer((request, response) => {
    dispatch(fixture, request).then(
      (answer) => send(response, 200, answer),
      (error: Error) => send(response, 500, { error: error.stack }),
    );
  });
  await new Promise<void>((resolve, reject) =>
    server.once('error', reject).listen(port, '127.0.0.1', resolve),
  );
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.close();
      server.closeAllConnections();
      await fixture.close();
    },
  };
}

async function dispatch(fixture: Fixture, request: IncomingMessage): Promise<object> {
  const { pathname, searchParams } = new URL(request.url!, 'http://localhost');
  const id = searchParams.get('id') ?? '';
  switch (pathname) {
    case '/start':
      return { port: await fixture.start(JSON.parse((await bodyOf(request)) || '{}') as StartOptions) };
    case '/stop':
      await fixture.stop(Number(searchParams.get('port')));
      return {};
    case '/trace':
      return fixture.trace(id);
    case '/info':
      await fixture.info(id, searchParams.get('msg') ?? '');
      return {};
    case '/mailbox':
    case '/exit':
      // Erlang's: a mailbox cannot be looked into, a process not be signalled.
      return {};
    default:
      throw new Error(`unknown: ${pathname}`);
  }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

function send(response: ServerResponse, status: number, answer: object): void {
  response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(answer));
}
