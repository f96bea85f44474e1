import type { TransportListener } from '../connection/transport.js';
import type { UwsWebSocket } from './uws-app.js';
import { UwsTransport } from './uws-transport.js';

const SENT = 1;
const WAITS = 0;
const DROPPED = 2;

/** What uWS is told; it waits, or drops, as the case says. */
class FakeUws implements UwsWebSocket {
  readonly said: string[] = [];
  status = SENT;
  buffered = 0;
  transport!: UwsTransport;

  getUserData(): unknown {
    return this;
  }

  send(message: string | Uint8Array): number {
    this.said.push(`${String(message)} ${['waits', 'sent', 'dropped'][this.status]}`);
    if (this.status === WAITS) this.buffered += message.length;
    return this.status;
  }

  ping(message: string | Uint8Array): number {
    return this.send(`ping ${String(message)}`);
  }

  getBufferedAmount(): number {
    return this.buffered;
  }

  cork(send: () => void): void {
    this.said.push('cork');
    send();
    this.said.push('uncork');
  }

  end(code: number): void {
    this.said.push(`end ${code}`);
    this.transport.closed(code, new ArrayBuffer(0));
  }

  close(): void {
    this.said.push('close');
    this.transport.closed(1006, new ArrayBuffer(0));
  }

  /** What was said since the last time. */
  take(): string[] {
    return this.said.splice(0);
  }
}

function setUp(maxBufferedAmount = 1_000) {
  const uws = new FakeUws();
  const told: string[] = [];
  const note = (name: string) => () => void told.push(name);
  let onMessage = () => {};
  const listener: TransportListener = {
    receiveMessage: () => onMessage(),
    receiveControl: note('control'),
    receiveClose: (code) => void told.push(`close ${code}`),
    receiveViolation: ({ closeCode }) => void told.push(`violation ${closeCode}`),
    sent: () => {},
    drained: note('drained'),
    transportClosed: note('closed'),
  };
  const transport = new UwsTransport(uws, listener, {
    maxBufferedAmount,
    maxMessageSize: 1_000,
    maxFrameSize: 1_000,
    compressFrom: Infinity,
  });
  uws.transport = transport;
  const receive = (handle: () => void) => {
    onMessage = handle;
    transport.receive(new ArrayBuffer(1), true);
  };
  return { uws, told, transport, receive };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('send', () => {
  it("goes to uWS at once while it reads for the connection, in one write of uWS's", () => {
    const { uws, transport, receive } = setUp();
    receive(() => transport.send('text', 'answer'));
    expect(uws.take()).toEqual(['answer sent']);
  });

  it('waits for the end of the turn otherwise, and leaves in one write, in order', async () => {
    const { uws, transport } = setUp();
    transport.send('text', 'one');
    transport.send('ping', 'two');
    transport.send('binary', Buffer.from('three'));
    expect(transport.bufferedAmount).toBe(3 + 2 + 3 + 2 + 5 + 2);
    expect(uws.take()).toEqual([]);
    await turn();
    expect(uws.take()).toEqual(['cork', 'one sent', 'ping two sent', 'three sent', 'uncork']);
    expect(transport.bufferedAmount).toBe(0);
  });

  it('waits again once uWS has read what there was', async () => {
    const { uws, transport, receive } = setUp();
    receive(() => {});
    await turn();
    transport.send('text', 'later');
    expect(uws.take()).toEqual([]);
    await turn();
    expect(uws.take()).toEqual(['cork', 'later sent', 'uncork']);
  });

  it('goes behind what waits, also while uWS reads', async () => {
    const { uws, transport, receive } = setUp();
    transport.send('text', 'one');
    receive(() => transport.send('text', 'two'));
    await turn();
    expect(uws.take()).toEqual(['cork', 'one sent', 'two sent', 'uncork']);
  });

  it('is false past maxBufferedAmount, and drained() is called once all has been taken', () => {
    const { uws, told, transport, receive } = setUp(5);
    uws.status = WAITS;
    receive(() => {
      expect(transport.send('text', 'small')).toBe(true);
      expect(transport.send('text', 'large')).toBe(false);
    });
    uws.buffered = 3;
    transport.drain();
    expect(told).toEqual([]);
    uws.buffered = 0;
    transport.drain();
    transport.drain();
    expect(told).toEqual(['drained']);
  });

  it('keeps what uWS drops, and all behind it, until it takes some again', () => {
    const { uws, transport, receive } = setUp();
    uws.status = DROPPED;
    uws.buffered = 2_000;
    receive(() => {
      expect(transport.send('text', 'one')).toBe(false);
      expect(transport.send('text', 'two')).toBe(false);
    });
    uws.take();
    transport.drain();
    expect(uws.take()).toEqual(['cork', 'one dropped', 'uncork']);
    uws.status = SENT;
    uws.buffered = 0;
    transport.drain();
    expect(uws.take()).toEqual(['cork', 'one sent', 'two sent', 'uncork']);
  });

  it('does nothing once the connection is closed or closing', async () => {
    const { uws, transport } = setUp();
    transport.close(1000, '');
    expect(uws.take()).toEqual(['end 1000']);
    expect(transport.send('text', 'late')).toBe(true);
    transport.close(1001, '');
    transport.destroy();
    transport.flush();
    transport.drain();
    expect([transport.bufferedAmount, transport.bytesAccepted]).toEqual([0, 0]);
    await turn();
    expect(uws.take()).toEqual([]);
  });
});

describe('close', () => {
  it('comes behind what was sent before', () => {
    const { uws, transport } = setUp();
    transport.send('text', 'last');
    transport.close(undefined, '');
    expect(uws.take()).toEqual(['cork', 'last sent', 'uncork', 'end 0']);
  });

  it('waits until all has been taken: uWS would let go of the socket', () => {
    const { uws, transport } = setUp();
    uws.status = WAITS;
    transport.send('text', 'last');
    transport.close(1000, '');
    expect(uws.take()).toEqual(['cork', 'last waits', 'uncork']);
    uws.buffered = 0;
    transport.drain();
    expect(uws.take()).toEqual(['end 1000']);
  });

  it('and destroy() tell of the end, but not within the call', async () => {
    for (const how of ['close', 'destroy'] as const) {
      const { told, transport } = setUp();
      transport[how](1000, '');
      expect(told).toEqual([]);
      await Promise.resolve();
      expect(told).toEqual(['closed']);
    }
  });
});

describe('what uWS says of the end', () => {
  const bytes = (message: string) => new Uint8Array(Buffer.from(message)).buffer;

  it.each([
    [1000, 'bye', ['close 1000', 'closed']],
    [1005, '', ['close 1005', 'closed']],
    [1006, '', ['closed']],
    [1006, 'Received TCP FIN before WebSocket close frame', ['closed']],
    [1006, 'WebSocket timed out from inactivity', ['closed']],
    [1006, 'Received too big message', ['violation 1009', 'closed']],
    [1006, 'Received too big message, or other inflation error', ['violation 1009', 'closed']],
    [1006, 'Received invalid UTF-8', ['violation 1007', 'closed']],
    [1006, 'Received invalid WebSocket frame', ['violation 1002', 'closed']],
    [1006, 'Received invalid close payload', ['close 1002', 'closed']],
  ])('%d %s', (code, message, expected) => {
    const { told, transport } = setUp();
    transport.closed(code, bytes(message));
    expect(told).toEqual(expected);
  });
});
