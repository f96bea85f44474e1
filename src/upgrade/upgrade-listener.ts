import type { EventEmitter } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { asksForWebSocket } from './handshake.js';

/** Is this WebSocket request ours? Asked only where others listen for upgrades as well. */
export type Claims = (request: IncomingMessage) => boolean;

export type UpgradeListener = (request: IncomingMessage, socket: Duplex, head: Buffer) => void;

/** A listener may say which requests it takes; of any other it is taken to be all. Registered: the package may be loaded twice. */
export const TAKES = Symbol.for('nestjs-websock.takes');

type AnyListener = ((...args: unknown[]) => unknown) & { readonly [TAKES]?: Claims };

/**
 * Listens for a server's upgrade requests, and once others do too, gives each request to one side: ours or theirs. An
 * `upgrade` event reaches all listeners, and each answers, or destroys, what it does not know.
 *
 * @returns undoes it
 */
export function listenForUpgrades(server: EventEmitter, ours: UpgradeListener, claims: Claims): () => void {
  let undivide: (() => void) | undefined;
  const divide = () => (undivide ??= divideUpgrades(server, ours, claims));
  const watch = (event: string | symbol) => {
    if (event === 'upgrade') divide();
  };
  if (server.listenerCount('upgrade') > 0) divide();
  server.on('upgrade', ours).on('newListener', watch);
  return () => {
    server.off('newListener', watch).off('upgrade', ours);
    undivide?.();
  };
}

/** By an `emit` of the server's own: it works whoever was there first, and listeners come and go as they like. */
function divideUpgrades(server: EventEmitter, ours: UpgradeListener, claims: Claims): () => void {
  const isInherited = !Object.hasOwn(server, 'emit');
  const { emit } = server;
  let isDivided = true;

  function divided(this: unknown, event: string | symbol, ...args: unknown[]): boolean {
    if (event !== 'upgrade' || !isDivided) return Reflect.apply(emit, this, [event, ...args]) as boolean;
    for (const listener of listenersFor(args[0] as IncomingMessage)) Reflect.apply(listener, server, args);
    return true;
  }

  const listenersFor = (request: IncomingMessage): AnyListener[] => {
    const others = (server.rawListeners('upgrade') as AnyListener[]).filter(
      (listener) => listener !== ours && (listener[TAKES]?.(request) ?? true),
    );
    const isOurs = others.length === 0 || (asksForWebSocket(request) && claims(request));
    return isOurs ? [ours as AnyListener] : others;
  };

  server.emit = divided;
  return () => {
    isDivided = false;
    // Somebody may have wrapped it meanwhile; then it stays, and only passes on.
    if (server.emit !== divided) return;
    if (isInherited) delete (server as Partial<EventEmitter>).emit;
    else server.emit = emit;
  };
}
