import {
  Catch,
  Controller,
  Get,
  Injectable,
  Req,
  Scope,
  UseGuards,
  type CanActivate,
  type ExceptionFilter,
  type PipeTransform,
} from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { MessageBody } from '@nestjs/websockets';
import {
  OnIn,
  push,
  text,
  upgrade,
  WebSockHandler,
  WebSockModule,
  type UpgradableRequest,
} from '../../src/index.js';
import type { RawClient } from '../support/raw-client.js';
import { closeApps, eachPlatform, startApp } from '../support/nest.js';
import { Numbered, Visit } from '../support/scoped.js';

/** Lets a message through, and tells the visit. */
@Injectable()
class MessageGuard extends Numbered implements CanActivate {
  constructor(private readonly visit: Visit) {
    super();
  }

  canActivate(): boolean {
    return this.visit.seenBy.push(`guard ${this.number}`) > 0;
  }
}

@Injectable({ scope: Scope.TRANSIENT })
class TransientPipe extends Numbered implements PipeTransform {
  constructor(private readonly visit: Visit) {
    super();
  }

  transform(value: unknown): unknown {
    this.visit.seenBy.push(`pipe ${this.number}`);
    return value;
  }
}

@Catch()
@Injectable({ scope: Scope.REQUEST })
class VisitFilter implements ExceptionFilter {
  constructor(private readonly visit: Visit) {}

  catch() {
    return push(text(`filtered of ${this.visit.number}`), undefined);
  }
}

@WebSockHandler('messages')
class MessageHandler {
  constructor(private readonly visit: Visit) {}

  @OnIn()
  @UseGuards(MessageGuard)
  say(@MessageBody(TransientPipe) data: string) {
    if (data === 'fail') throw new Error('as asked');
    return push(text([this.visit.number, ...this.visit.seenBy.splice(0)].join()), undefined);
  }
}

@Controller()
class MessageController {
  @Get('called')
  live(@Req() request: UpgradableRequest) {
    return upgrade(request, MessageHandler);
  }
}

eachPlatform('the enhancers of a method on %s', (platform) => {
  const start = () =>
    startApp(platform, {
      imports: [WebSockModule],
      controllers: [MessageController],
      providers: [MessageHandler, Visit, { provide: APP_FILTER, useClass: VisitFilter }],
    });

  afterEach(closeApps);

  describe.each(['/messages', '/called'])('at %s', (path) => {
    const say = async (client: RawClient, data: string) => {
      client.text(data);
      return client.nextText();
    };

    it('are made once per connection, of its sub-tree', async () => {
      const app = await start();
      const [ann, ben] = [await app.open(path), await app.open(path)];
      const ofAnn = await say(ann, 'x');
      expect(ofAnn).toMatch(/^\d+,guard \d+,pipe \d+$/);
      expect(await say(ann, 'x')).toBe(ofAnn);
      const ofBen = (await say(ben, 'x')).split(',');
      ofAnn.split(',').forEach((number, index) => expect(ofBen[index]).not.toBe(number));
    });

    it('of the app too', async () => {
      const app = await start();
      const client = await app.open(path);
      const [visit] = (await say(client, 'x')).split(',');
      expect(await say(client, 'fail')).toBe(`filtered of ${visit}`);
    });
  });
});
