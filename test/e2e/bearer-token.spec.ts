import { type CanActivate, type ExecutionContext, UnauthorizedException, UseGuards } from '@nestjs/common';
import type { IncomingHttpHeaders } from 'node:http';
import { OnInit, push, text, type UpgradeRequest, WebSockHandler, WebSockModule } from '../../src/index.js';
import { closeApps, eachPlatform, startApp } from '../support/nest.js';

const BEARER = 'bearer.';

class TokenGuard implements CanActivate {
  canActivate(context: ExecutionContext) {
    const { headers } = context.switchToHttp().getRequest<{ headers: IncomingHttpHeaders }>();
    const offered = headers['sec-websocket-protocol']?.split(',').map((name) => name.trim()) ?? [];
    const token = offered.find((name) => name.startsWith(BEARER))?.slice(BEARER.length);
    if (token !== 'good.token') throw new UnauthorizedException();
    return true;
  }
}

@WebSockHandler('list', { protocols: ['chat.v1'] })
@UseGuards(TokenGuard)
class ListHandler {
  @OnInit()
  init({ protocol }: UpgradeRequest) {
    return push(text(protocol), undefined);
  }
}

@WebSockHandler('function', { protocols: (offered) => offered.find((name) => !name.startsWith(BEARER)) })
@UseGuards(TokenGuard)
class FunctionHandler extends ListHandler {}

@WebSockHandler('required', { protocols: ['chat.v1'], requireProtocol: true })
@UseGuards(TokenGuard)
class RequiringHandler extends ListHandler {}

eachPlatform('a token carried as a subprotocol on %s', (platform) => {
  const start = () =>
    startApp(platform, {
      imports: [WebSockModule],
      providers: [ListHandler, FunctionHandler, RequiringHandler],
    });
  const offer = (names: string) => ({ headers: { 'Sec-WebSocket-Protocol': names } });

  afterEach(closeApps);

  it.each(['/list', '/function', '/required'])(
    'is checked by the guard, and never comes back: %s',
    async (path) => {
      const app = await start();
      for (const names of ['chat.v1, bearer.good.token', 'bearer.good.token, chat.v1']) {
        const client = await app.open(path, offer(names));
        expect([client.status, client.header('sec-websocket-protocol')]).toEqual([101, 'chat.v1']);
        expect(JSON.stringify(client.headers)).not.toContain('token');
        expect(await client.nextText()).toBe('chat.v1');
      }
    },
  );

  it('is refused with 401 when it is no good or missing', async () => {
    const app = await start();
    for (const names of ['chat.v1, bearer.bad', 'chat.v1', 'bearer.']) {
      const client = await app.open('/list', offer(names));
      expect([client.status, client.body.includes('bad')]).toEqual([401, false]);
    }
  });

  it('is no subprotocol by itself', async () => {
    const app = await start();
    expect(
      (await app.open('/list', offer('bearer.good.token'))).header('sec-websocket-protocol'),
    ).toBeUndefined();
    expect((await app.open('/required', offer('bearer.good.token'))).status).toBe(400);
  });
});
