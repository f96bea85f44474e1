import { EventEmitter } from 'node:events';
import { listenForUpgrades, TAKES } from './upgrade-listener.js';

const isOurs = ({ url }: { url?: string }) => url === '/ours';

/** A server with our listener; keeps who got each request. */
function setUp(prepare: (server: EventEmitter) => void = () => {}) {
  const server = new EventEmitter();
  const got: string[] = [];
  const listener =
    (name: string) =>
    ({ url }: { url: string }) =>
      got.push(`${name} ${url}`);
  prepare(server);
  const unlisten = listenForUpgrades(server, listener('we') as never, isOurs);
  const request = (url: string, upgrade = 'websocket') =>
    server.emit('upgrade', { url, headers: { upgrade } }, {}, Buffer.alloc(0));
  return { server, got, listener, unlisten, request };
}

describe('listenForUpgrades', () => {
  it('leaves the server as it is while nobody else listens', () => {
    const { server, got, request } = setUp();
    expect(request('/any')).toBe(true);
    expect(got).toEqual(['we /any']);
    expect(Object.hasOwn(server, 'emit')).toBe(false);
  });

  it('gives each request to one side, and one of another protocol to the others', () => {
    const { server, got, listener, request } = setUp();
    server.on('upgrade', listener('a')).on('upgrade', listener('b'));
    request('/ours');
    request('/other');
    request('/ours', 'h2c');
    expect(got).toEqual(['we /ours', 'a /other', 'b /other', 'a /ours', 'b /ours']);
  });

  it('takes all again when the others have left', () => {
    const { server, got, listener, request } = setUp();
    server.once('upgrade', listener('a'));
    request('/other');
    request('/other');
    expect(got).toEqual(['a /other', 'we /other']);
  });

  it('asks a listener that says what it takes', () => {
    const { server, got, listener, request } = setUp();
    const chat = Object.assign(listener('chat'), { [TAKES]: ({ url }: { url?: string }) => url === '/chat' });
    server.on('upgrade', chat);
    for (const url of ['/chat', '/nobody', '/ours']) request(url);
    expect(got).toEqual(['chat /chat', 'we /nobody', 'we /ours']);
  });

  it('passes all other events on', () => {
    const { server, listener } = setUp();
    server.on('upgrade', listener('a'));
    const requests: unknown[][] = [];
    server.on('request', (...args: unknown[]) => requests.push(args));
    expect(server.emit('request', 1, 2)).toBe(true);
    expect(server.emit('nothing')).toBe(false);
    expect(requests).toEqual([[1, 2]]);
  });

  it('undoes it', () => {
    const { server, got, listener, unlisten, request } = setUp((bare) => bare.on('upgrade', () => {}));
    expect(Object.hasOwn(server, 'emit')).toBe(true);
    unlisten();
    expect(Object.hasOwn(server, 'emit')).toBe(false);
    expect([server.listenerCount('upgrade'), server.listenerCount('newListener')]).toEqual([1, 0]);
    server.on('upgrade', listener('a'));
    request('/ours');
    expect(got).toEqual(['a /ours']);
  });

  it('undoes it under an emit that somebody else has laid over it', () => {
    const { server, got, listener, unlisten, request } = setUp((bare) => bare.on('upgrade', () => {}));
    const { emit } = server;
    const theirs = (...args: [string]) => Reflect.apply(emit, server, args) as boolean;
    server.emit = theirs;
    unlisten();
    expect(server.emit).toBe(theirs);
    server.on('upgrade', listener('a'));
    request('/ours');
    expect(got).toEqual(['a /ours']);
  });

  it('divides between two of our kind', () => {
    const { server, got, listener, unlisten, request } = setUp();
    const unlistenToo = listenForUpgrades(
      server,
      listener('you') as never,
      ({ url }: { url?: string }) => url === '/yours',
    );
    for (const url of ['/ours', '/yours']) request(url);
    expect(got).toEqual(['we /ours', 'you /yours']);
    unlisten();
    unlistenToo();
  });
});
