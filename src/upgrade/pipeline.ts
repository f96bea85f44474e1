import type { IncomingMessage, Server as HttpServer } from 'node:http';
import type { Duplex } from 'node:stream';
import type { WebSockOptions } from '../websock/options.js';
import type { UpgradeIntent } from './intent.js';
import { Exchange, SHUTTING_DOWN } from './exchange.js';
import { hasBody } from './handshake.js';
import { refuse, surviveErrors } from './refusal.js';

/** Who gets the requests that the app decided to upgrade. */
export interface Door {
  /** For the options of connections. */
  readonly defaults: WebSockOptions;
  /** The limit of guards and `@OnUpgrade` together, ms, until a handler sets its own. */
  readonly upgradeTimeout: number;
  /** Shutting down: everything is refused with 503. */
  readonly isShut: boolean;
  accept(accepted: AcceptedUpgrade): void;
  /** Something was refused; for telemetry. */
  refused(status: number, message: string): void;
}

/** A request that the app has decided to upgrade. The socket is free: the response is over. */
export interface AcceptedUpgrade {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  /** What the client sent behind its handshake. */
  readonly head: Buffer;
  readonly intent: UpgradeIntent;
  /** What the app set on the response: name and value in turn, several values as several pairs. */
  readonly headers: readonly (readonly [name: string, value: string])[];
}

export interface Pipeline {
  /** Refuses what is still being decided, with 503. */
  refuseAll(): void;
  detach(): void;
}

/**
 * Runs every upgrade request of a server through the app as an ordinary request. README.md tells the flow.
 */
export function attachPipeline(server: HttpServer, door: Door): Pipeline {
  const exchanges = new Set<Exchange>();

  const onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    surviveErrors(socket);
    afterPrevious(socket, () => {
      if (door.isShut) return turnAway(socket, 503, SHUTTING_DOWN);
      if (hasBody(request)) return turnAway(socket, 400, 'A WebSocket handshake has no body');
      const exchange = new Exchange(request, socket, head, door, () => exchanges.delete(exchange));
      exchanges.add(exchange);
      server.emit('request', request, exchange.response);
    });
  };

  const turnAway = (socket: Duplex, status: number, message: string) => {
    refuse(socket, status, message);
    door.refused(status, message);
  };

  server.on('upgrade', onUpgrade);
  return {
    refuseAll: () => exchanges.forEach((exchange) => exchange.refuse(503, SHUTTING_DOWN)),
    detach: () => server.off('upgrade', onUpgrade),
  };
}

/** Waits for the response to a request that was pipelined before, if there is one. */
function afterPrevious(socket: Duplex, proceed: () => void): void {
  const previous = (socket as Duplex & { _httpMessage?: Duplex | null })._httpMessage;
  if (!previous) return proceed();
  previous.once('close', () => {
    if (!socket.destroyed) afterPrevious(socket, proceed);
  });
}
