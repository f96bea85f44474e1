import { Body, UseGuards, type CanActivate } from '@nestjs/common';
import {
  type DataMessage,
  type InvalidMessage,
  type MessageEnhancer,
  ok,
  OnIn,
  push,
  State,
  text,
  WebSockHandler,
  WebSockModule,
} from 'nestjs-websock';
import { WebSockServer } from 'nestjs-websock/core';

declare const guard: CanActivate;

/** Decorators of Nest and of ours go together. */
@WebSockHandler('chat', { messageEnhancers: ['guards', 'interceptors'] })
export class Decorated {
  @OnIn()
  @UseGuards(guard)
  say(@Body('text') said: string, @State() state: { count: number }, @State('count') count: number) {
    return push(text(`${count} ${said}`), state);
  }
}

const kinds: readonly MessageEnhancer[] = ['guards'];
WebSockModule.forRoot({ messageEnhancers: kinds, timeout: 1_000 });

// @ts-expect-error pipes need no option
WebSockModule.forRoot({ messageEnhancers: ['pipes'] });

// @ts-expect-error Nest's option, which nestjs-websock/core does not know
new WebSockServer({ messageEnhancers: ['guards'] });

// @ts-expect-error a list
@WebSockHandler('one', { messageEnhancers: 'guards' })
export class One {
  @OnIn()
  handle(_message: DataMessage, state: unknown) {
    return ok(state);
  }
}

/** What a client in TypeScript does with an answer. */
export function show({ code, issues }: InvalidMessage): string {
  const invalid: 'invalid_message' = code;
  return `${invalid}: ${issues.map(({ path, message }) => `${path.join('.')} ${message}`).join()}`;
}
