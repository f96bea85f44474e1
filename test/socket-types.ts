// A hosted socket goes wherever a library asks for the socket of ws.
import type { WebSocket } from 'ws';
import type { HostedSocket } from '../src/index.js';

declare const hosted: HostedSocket;
export const socket: WebSocket = hosted;
