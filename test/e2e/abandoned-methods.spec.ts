import { Injectable, UseGuards, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { z } from 'zod';
import { ok, OnIn, OnTerminate, text, WebSockHandler } from '../../src/index.js';
import { openHandler } from '../../src/testing/index.js';
import { Gate } from '../support/log.js';

let gate: Gate;
const order: string[] = [];
beforeEach(() => {
  gate = new Gate();
  order.length = 0;
});

@Injectable()
class SlowGuard implements CanActivate {
  async canActivate(context: ExecutionContext): Promise<boolean> {
    await gate.passed;
    order.push(`allowed ${context.getHandler().name}`);
    return true;
  }
}

const Slow = z.object({ a: z.number() }).refine(async () => {
  await gate.passed;
  // zod asks twice.
  if (!order.includes('accepted')) order.push('accepted');
  return true;
});

@WebSockHandler({ terminateTimeout: 50 })
class GuardedHandler {
  @OnIn()
  @UseGuards(SlowGuard)
  say(_message: unknown, state: unknown) {
    order.push('method');
    return ok(state);
  }

  @OnTerminate()
  left() {
    order.push('terminate');
  }
}

@WebSockHandler({ terminateTimeout: 50 })
class SchemaHandler {
  @OnIn(Slow)
  say(_message: { a: number }, state: unknown) {
    order.push('method');
    return ok(state);
  }

  @OnTerminate()
  left() {
    order.push('terminate');
  }
}

describe('a callback that was given up', () => {
  it.each([
    ['a guard', GuardedHandler, 'allowed say'],
    ['a schema', SchemaHandler, 'accepted'],
  ])('does not begin its method when %s lets it pass later: terminate is last', async (_, Handler, late) => {
    const moduleRef = await Test.createTestingModule({ providers: [Handler, SlowGuard] }).compile();
    const client = await openHandler(moduleRef, Handler);
    client.send(text('{"a":1}'));
    client.close();
    await client.clock.advance(50);
    await client.expectClose();
    expect(order).toEqual(['terminate']);

    gate.open();
    await new Promise(setImmediate);
    expect(order).toEqual(['terminate', late]);
  });
});
