import { createServer } from 'node:http';
import { WebSockServer, type WireServer } from '../../src/core.js';
import { Gate } from '../support/log.js';

describe('a server that listens for itself', () => {
  it('is stopped when the app closes while it begins to listen', async () => {
    const gate = new Gate();
    const calls: string[] = [];
    const server: WireServer = {
      async start() {
        await gate.passed;
        calls.push('listens');
      },
      stop: () => Promise.resolve(void calls.push('stops')),
      accept: () => {},
    };
    const websockets = new WebSockServer();
    const listening = websockets.listen(server, createServer());
    await websockets.close();
    gate.open();
    await listening;
    expect(calls.at(-1)).toBe('stops');
  });
});
