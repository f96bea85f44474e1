import { WebSocket } from 'ws';

/** One connection of a client's, from its opening to its close. */
export interface Session {
  readonly port: number;
  /** What came, in order. */
  readonly received: string[];
  /** Undefined while it is open. */
  code?: number;
}

const PATIENCE = 20_000;

/** A client that goes to the next of its ports when it is told that the server restarts (1012). */
export class ReturningClient {
  readonly sessions: Session[] = [];
  #socket!: WebSocket;
  readonly #looking = new Set<() => void>();

  constructor(
    private readonly path: string,
    private readonly ports: readonly number[],
  ) {
    this.#connect(ports[0]!);
  }

  get session(): Session {
    return this.sessions.at(-1)!;
  }

  /** Resolves when something is so, which is looked at whenever something has come. */
  until(what: string, isSo: (session: Session) => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = () => {
        if (!isSo(this.session)) return;
        clearTimeout(timer);
        this.#looking.delete(look);
        resolve();
      };
      const timer = setTimeout(() => {
        this.#looking.delete(look);
        reject(new Error(`${what}: not within ${PATIENCE} ms; ${this.#facts()}`));
      }, PATIENCE);
      this.#looking.add(look);
      look();
    });
  }

  close(): void {
    this.#socket.removeAllListeners('close').terminate();
  }

  #connect(port: number): void {
    const session: Session = { port, received: [] };
    this.sessions.push(session);
    this.#socket = new WebSocket(`ws://127.0.0.1:${port}${this.path}`);
    this.#socket.on('message', (data: Buffer) => {
      session.received.push(data.toString());
      this.#changed();
    });
    // The close tells.
    this.#socket.on('error', () => {});
    this.#socket.on('close', (code) => {
      session.code = code;
      if (code === 1012) this.#connect(this.ports[(this.ports.indexOf(port) + 1) % this.ports.length]!);
      this.#changed();
    });
  }

  #changed(): void {
    for (const look of this.#looking) look();
  }

  #facts(): string {
    const told = this.sessions.map(
      ({ port, code, received }) => `${port}: ${received.length}, ${code ?? 'open'}`,
    );
    return told.join('; ');
  }
}
