import { Connections } from '../../../src/index.js';
import { UwsPort } from '../../support/uws.js';
import { ConformanceModule, makeApp } from './nest.js';
import type { Stack, StackSpec } from './stack.js';

/** The Nest app on Express, its WebSockets on uWebSockets.js. */
export async function startUws(spec: StackSpec): Promise<Stack> {
  const port = new UwsPort();
  const app = await makeApp('express', false, ConformanceModule.with(spec, [port.server]));
  await app.listen(0, '127.0.0.1');
  const connections = app.get(Connections);
  return {
    port: port.number,
    sendInfo: (ref, message) => connections.sendInfo(ref, message),
    stop: () => app.close(),
  };
}
