import { RPCClient } from 'ocpp-rpc';

// A station: the official client with a meter, and one connector that charges 11 kW.
const [identity = 'cellar', password = 'cellar-key'] = process.argv.slice(2);
const client = new RPCClient({
  endpoint: `ws://localhost:${process.env.PORT ?? 3000}/ocpp`,
  identity,
  password,
  protocols: ['ocpp1.6'],
  strictMode: true,
} as ConstructorParameters<typeof RPCClient>[0]);

let meter = 0;
let charging: { transactionId: number; timer: NodeJS.Timeout } | undefined;

const timestamp = () => new Date().toISOString();

async function call(action: string, payload: object): Promise<any> {
  const answer = await client.call(action, payload);
  console.log(action, payload, answer);
  return answer;
}

/** What nobody waits for. */
function soon(what: () => Promise<unknown>): void {
  setImmediate(() => void what().catch((error: Error) => console.log(error.message)));
}

const tell = (status: string) => call('StatusNotification', { connectorId: 1, errorCode: 'NoError', status });

async function start(idTag: string) {
  const request = { connectorId: 1, idTag, meterStart: meter, timestamp: timestamp() };
  const { transactionId, idTagInfo } = await call('StartTransaction', request);
  if (idTagInfo.status !== 'Accepted') return;
  charging = { transactionId, timer: setInterval(() => soon(() => measure(transactionId)), 2_000) };
  await tell('Charging');
}

async function measure(transactionId: number) {
  meter += 6;
  const sampledValue = [{ value: String(meter), measurand: 'Energy.Active.Import.Register', unit: 'Wh' }];
  const meterValue = [{ timestamp: timestamp(), sampledValue }];
  await call('MeterValues', { connectorId: 1, transactionId, meterValue });
}

async function finish(transactionId: number) {
  clearInterval(charging?.timer);
  charging = undefined;
  await call('StopTransaction', {
    transactionId,
    meterStop: meter,
    timestamp: timestamp(),
    reason: 'Remote',
  });
  await tell('Available');
}

client.handle('RemoteStartTransaction', async ({ params }) => {
  if (charging !== undefined) return { status: 'Rejected' };
  soon(() => start(params!.idTag));
  return { status: 'Accepted' };
});
client.handle('RemoteStopTransaction', async ({ params }) => {
  if (charging?.transactionId !== params!.transactionId) return { status: 'Rejected' };
  soon(() => finish(params!.transactionId));
  return { status: 'Accepted' };
});
client.on('disconnect', ({ code, reason }) => console.log('closed with', code, reason));
client.on('open', () => console.log('connected'));

await client.connect();
const boot = { chargePointVendor: 'Sample', chargePointModel: 'One' };
const { interval } = await call('BootNotification', boot);
await tell('Available');
setInterval(() => soon(() => call('Heartbeat', {})), interval * 1_000);
