import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import type { WebSockServerOptions } from '../../src/core.js';

const here = import.meta.dirname;

/** What the process holds, bytes, after a garbage collection. */
export interface Held {
  /** The heap, and what it keeps outside. */
  readonly live: number;
  /** Of the process; what was freed but not given back included. */
  readonly rss: number;
  /** Connections with a living reference. */
  readonly connections: number;
  readonly tcpConnections: number;
}

/** What the server is asked over the process boundary, and what it answers. */
export interface Answers {
  held: Held;
  /** Connections of which anything was left when the server shut down. */
  close: number;
  /** Instances of a handler with a scope, and of its provider, that have not been collected. */
  instances: number;
}

/** A `WebSock` in a process of its own: what it holds, and whether it lives, can be told. */
export class RemoteHost {
  /** All that the process has printed. */
  printed = '';

  private constructor(
    private readonly child: ChildProcess,
    readonly port: number,
  ) {
    for (const stream of [child.stdout!, child.stderr!])
      stream.on('data', (chunk: Buffer) => (this.printed += chunk.toString()));
  }

  /** @param websock one of those that remote-host.child.ts knows by name */
  static start(websock: string, options: WebSockServerOptions = {}): Promise<RemoteHost> {
    return RemoteHost.fork('remote-host.child.ts', websock, JSON.stringify(options));
  }

  /** @param file in this folder */
  static async fork(file: string, ...args: string[]): Promise<RemoteHost> {
    const child = fork(path.join(here, file), args, {
      execArgv: ['--expose-gc', '--import', path.join(here, 'typescript.js')],
      silent: true,
    });
    const [port] = (await once(child, 'message')) as [number];
    return new RemoteHost(child, port);
  }

  get isAlive(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  async ask<Q extends keyof Answers>(question: Q): Promise<Answers[Q]> {
    this.child.send(question);
    const [answer] = (await once(this.child, 'message')) as [Answers[Q]];
    return answer;
  }

  /** What it holds once all connections are gone. */
  async heldWhenEmpty(): Promise<Held> {
    for (;;) {
      const held = await this.ask('held');
      if (held.connections === 0 && held.tcpConnections === 0) return held;
    }
  }

  async stop(): Promise<void> {
    if (!this.isAlive) return;
    this.child.kill();
    await once(this.child, 'exit');
  }
}
