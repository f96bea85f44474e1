import { AsyncResource } from 'node:async_hooks';
import { handlerOf, type Handler } from '../../src/connection/handler.js';
import { ConnectionRegistry } from '../../src/connection/registry.js';
import { resolveOptions, type WebSockOptions } from '../../src/websock/options.js';
import type { UpgradeRequest } from '../../src/websock/request.js';
import type { WebSock } from '../../src/websock/websock.js';
import { FakeClock } from './fake-clock.js';
import { FakeTransport } from './fake-transport.js';

const REQUEST = { url: '/rooms/1?token=secret', path: '/rooms/1', protocol: 'chat.v1' } as UpgradeRequest;

/** Opens a connection of a `WebSock`, or of a handler, on a fake transport and a fake clock. */
export function openConnection(subject: WebSock<any, any, any> | Handler, options: WebSockOptions = {}) {
  const clock = new FakeClock();
  const transport = new FakeTransport();
  const spec = {
    handler: 'websock' in subject ? subject : handlerOf(subject),
    argument: 'argument',
    request: REQUEST,
    options: resolveOptions('test', { heartbeat: false }, options),
    context: new AsyncResource('test'),
  };
  const connection = new ConnectionRegistry(clock).open(spec, (listener) => {
    transport.listener = listener;
    return transport;
  });
  connection.start();
  const say = (data: string) => connection.receiveMessage(['text', data], Buffer.byteLength(data));
  return { clock, transport, connection, say, log: transport.log };
}
