import type { CanActivate, ExecutionContext } from '@nestjs/common';
import type { AbstractHttpAdapter } from '@nestjs/core';
import { isObservable, lastValueFrom } from 'rxjs';
import { admit, commit, openSlot, rawOf, type Admission, type UpgradableRequest } from '../server/upgrade.js';
import { slotOf } from '../upgrade/intent.js';
import type { CompiledHandler } from './compiled-handler.js';
import type { PreparedHandler } from './prepared-handler.js';
import { answeredAlready, toHttpException } from './upgrade-refusal.js';

/** Decides upgrades for one handler: what runs as its route, once Nest's guards, interceptors and pipes have passed. */
export class UpgradeDecision {
  /** Bounds the upgrade by the handler's own `upgradeTimeout`. */
  readonly limitGuard: CanActivate = {
    canActivate: (context: ExecutionContext) => {
      const request = context.switchToHttp().getRequest<UpgradableRequest>();
      slotOf(rawOf(request))?.limit(this.prepared.options.upgradeTimeout);
      return true;
    },
  };

  constructor(
    private readonly prepared: PreparedHandler,
    private readonly httpAdapter: AbstractHttpAdapter,
  ) {}

  /** @param args what the parameter decorators of `@OnUpgrade` ask for */
  async decide(request: unknown, response: unknown, args: unknown[]): Promise<void> {
    const admission = this.#admit(request as UpgradableRequest, response);
    const handler = await this.#handlerFor(request as object);
    // The time may be up, or the client gone, before there is an instance.
    if (!admission.slot.isOpen) throw answeredAlready();
    const { onUpgrade } = handler;
    const argument = onUpgrade === undefined ? admission.request : await settle(onUpgrade(...args));
    // Answered meanwhile: by @OnUpgrade itself, or because the time was up or the client went away.
    if (!admission.slot.isOpen) throw answeredAlready();
    // Returns nothing: a cache of responses would keep it, and answer the next upgrade without asking.
    commit(admission, handler, argument);
  }

  /** The same instance decides and serves. */
  #handlerFor(request: object): CompiledHandler | Promise<CompiledHandler> {
    const { handler, instances } = this.prepared;
    return instances === undefined ? handler : instances.resolve(request);
  }

  /** Before @OnUpgrade: what no app needs to look at. */
  #admit(request: UpgradableRequest, response: unknown): Admission {
    try {
      // Answered already: by a guard, because the time was up or the client has gone. @OnUpgrade need not run.
      if (slotOf(rawOf(request))?.isOpen === false) throw answeredAlready();
      const slot = openSlot(request);
      return admit(request, slot, this.prepared.options);
    } catch (error) {
      throw toHttpException(error, (name, value) => this.httpAdapter.setHeader(response, name, value));
    }
  }
}

/** Waits for what a controller's method may return: a value, a promise, an Observable. */
async function settle(answer: unknown): Promise<unknown> {
  const value = await answer;
  return isObservable(value) ? lastValueFrom(value, { defaultValue: undefined }) : value;
}
