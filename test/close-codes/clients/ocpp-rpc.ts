import { RPCClient } from 'ocpp-rpc';
import type { Client } from './client.js';

/** Its type asks for all options; they have defaults. */
type Options = ConstructorParameters<typeof RPCClient>[0];

export const ocppRpc: Client = {
  name: 'ocpp-rpc',

  serve(socket, subscribed) {
    socket.on('message', (data: Buffer) => {
      const [, id, action] = JSON.parse(data.toString()) as [number, string, string];
      if (action === 'BootNotification') subscribed();
      socket.send(JSON.stringify([3, id, {}]));
    });
  },

  async connect(url, tell) {
    const client = new RPCClient({ endpoint: url, identity: 'station' } as Options);
    client.on('disconnect', ({ code }: { code: number }) => tell('disconnect', code));
    client.on('connecting', () => tell('connecting'));
    client.on('open', () => tell('open'));
    client.on('close', ({ code }: { code: number }) => tell('close', code));
    client.on('socketError', () => tell('socketError'));
    await client.connect();
    await client.call('BootNotification', {});
    return () => client.close({ force: true });
  },
};
