import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { upgrade, WebSockServer } from '../../src/core.js';
import { listenForeignly, THEIRS } from '../support/foreign-listener.js';
import { RawClient } from '../support/raw-client.js';

describe('passthrough, without Nest', () => {
  const http = createServer((request, response) => {
    upgrade(request, { handleIn: (_message, state) => ['ok', state] });
    response.end();
  });
  const server = new WebSockServer({ passthrough: ['/theirs'] }).attach(http);

  beforeAll(() => new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve)));
  afterAll(async () => {
    await server.close();
    http.close();
  });

  async function status(path: string): Promise<number> {
    const client = await RawClient.open((http.address() as AddressInfo).port, { path });
    client.destroy();
    return client.status;
  }

  it('leaves its paths to the others, once there are any', async () => {
    expect(await status('/theirs')).toBe(101);
    listenForeignly(http);
    expect(await status('/theirs')).toBe(THEIRS);
    expect(await status('/theirs/below?a')).toBe(THEIRS);
    expect(await status('/ours')).toBe(101);
  });
});
