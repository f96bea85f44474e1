import { Injectable } from '@nestjs/common';
import { ClsModule, ClsService } from 'nestjs-cls';
import {
  type Connection,
  Connections,
  OnIn,
  OnInfo,
  OnInit,
  push,
  text,
  WebSockHandler,
  WebSockModule,
} from '../../src/index.js';
import { closeApps, eachPlatform, startApp } from '../support/nest.js';

@Injectable()
class WhoAmI {
  constructor(private readonly cls: ClsService) {}

  get name(): string {
    return this.cls.get('user');
  }
}

@WebSockHandler('who')
class WhoHandler {
  constructor(
    private readonly whoAmI: WhoAmI,
    private readonly connections: Connections,
  ) {}

  @OnInit()
  init(_argument: unknown, { ref }: Connection) {
    return push(text(`${this.whoAmI.name} ${ref}`), undefined);
  }

  @OnIn()
  async tell([, ref]: readonly ['text' | 'binary', string | Buffer], state: undefined) {
    await Promise.resolve();
    this.connections.sendInfo(String(ref), this.whoAmI.name);
    return push(text(`told by ${this.whoAmI.name}`), state);
  }

  @OnInfo()
  async told(by: string, state: undefined) {
    await Promise.resolve();
    return push(text(`${this.whoAmI.name} was told by ${by}`), state);
  }
}

eachPlatform('nestjs-cls on %s', (platform) => {
  afterEach(closeApps);

  it('gives each connection the context of its own upgrade, whoever sends it a message', async () => {
    const app = await startApp(platform, {
      imports: [
        WebSockModule,
        ClsModule.forRoot({
          global: true,
          middleware: { mount: true, setup: (cls, req) => cls.set('user', req.headers['x-user']) },
        }),
      ],
      providers: [WhoAmI, WhoHandler],
    });
    const ann = await app.open('/who', { headers: { 'X-User': 'ann' } });
    const bob = await app.open('/who', { headers: { 'X-User': 'bob' } });
    const [annName] = (await ann.nextText()).split(' ');
    const [bobName, bobRef] = (await bob.nextText()).split(' ');
    expect([annName, bobName]).toEqual(['ann', 'bob']);
    ann.text(bobRef!);
    expect(await bob.nextText()).toBe('bob was told by ann');
    expect(await ann.nextText()).toBe('told by ann');
  });
});
