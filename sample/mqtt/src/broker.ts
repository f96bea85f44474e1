import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { Aedes, type Client } from 'aedes';
import type { Duplex } from 'node:stream';

export const DRAIN_TIMEOUT = 'drain timeout';

/** aedes, from the start of the app to its end. A device publishes below `devices/<its name>/` only. */
@Injectable()
export class Broker implements OnModuleInit, OnModuleDestroy {
  private readonly devices = new WeakMap<object, string>();
  private readonly aedes: Aedes;

  /** @param drainTimeout how long all others wait for a subscriber that does not read before it is dropped, ms */
  constructor(@Inject(DRAIN_TIMEOUT) drainTimeout: number) {
    this.aedes = new Aedes({
      drainTimeout,
      authorizePublish: (client, { topic }, done) =>
        done(this.mayPublish(client, topic) ? null : new Error(`not your topic: ${topic}`)),
    });
  }

  onModuleInit(): Promise<void> {
    return this.aedes.listen();
  }

  /** After the connections have been closed. */
  onModuleDestroy(): Promise<void> {
    return new Promise((resolve) => this.aedes.close(resolve));
  }

  /** Takes the bytes of a device. */
  handle(stream: Duplex, device: string): void {
    this.devices.set(stream, device);
    this.aedes.handle(stream);
  }

  /** Without a client it is the will of one whose broker has died: there is one broker here. */
  private mayPublish(client: Client | null, topic: string): boolean {
    return client === null || topic.startsWith(`devices/${this.devices.get(client.conn)}/`);
  }
}
