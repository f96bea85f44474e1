import { once } from 'node:events';
import { RPCClient, type RPCError } from 'ocpp-rpc';
import { WebSocket } from 'ws';

type Options = ConstructorParameters<typeof RPCClient>[0];
/** Where the central system listens. */
interface Address {
  readonly port: number;
}

type Handler = (request: { method: string; params: any }) => unknown;

const CREDENTIALS = `Basic ${Buffer.from('cellar:cellar-key').toString('base64')}`;

const clients = new Set<RPCClient>();
const sockets = new Set<WebSocket>();

/** A station by ocpp-rpc, as it is; in strict mode it checks both directions against the schemas of OCPP. */
export function station({ port }: Address, options: Partial<Options> = {}): RPCClient {
  const client = new RPCClient({
    endpoint: `ws://127.0.0.1:${port}/ocpp`,
    identity: 'cellar',
    password: 'cellar-key',
    protocols: ['ocpp1.6'],
    strictMode: true,
    reconnect: false,
    ...options,
  } as Options);
  clients.add(client);
  return client;
}

/** One that is connected, and answers calls with what `handle` returns. */
export async function connected(
  address: Address,
  handle: Handler = () => ({ status: 'Accepted' }),
  options?: Partial<Options>,
): Promise<RPCClient> {
  const client = station(address, options);
  client.handle(async (request) => handle(request as Parameters<Handler>[0]) as never);
  await client.connect();
  return client;
}

/** The error that a call comes to. */
export function refusalOf(call: Promise<unknown>): Promise<RPCError & { rpcErrorCode: string }> {
  return call.then(
    (answer) => Promise.reject(new Error(`answered with ${JSON.stringify(answer)}`)),
    (error) => error,
  );
}

/** A station that sends what it likes. */
export async function hostile({ port }: Address, protocols: string[] = ['ocpp1.6']): Promise<WebSocket> {
  const headers = { authorization: CREDENTIALS };
  const socket = new WebSocket(`ws://127.0.0.1:${port}/ocpp/cellar`, protocols, { headers });
  sockets.add(socket);
  await once(socket, 'open');
  return socket;
}

/** Leaves none behind. */
export async function disconnectAll(): Promise<void> {
  for (const socket of sockets) socket.terminate();
  for (const client of clients) await client.close({ force: true });
  sockets.clear();
  clients.clear();
}
