import { Injectable, Scope } from '@nestjs/common';
import { OnIn, OnInit, push, text, type DataMessage } from '../../src/index.js';

let made = 0;

/** Which instance this is. */
export class Numbered {
  readonly number = ++made;
}

@Injectable({ scope: Scope.REQUEST })
export class Visit extends Numbered {
  readonly seenBy: string[] = [];
}

/** Tells its number, and answers with it. */
export class Telling extends Numbered {
  @OnInit()
  start() {
    return push(text(this.tell()), undefined);
  }

  @OnIn()
  say(_message: DataMessage, state: unknown) {
    return push(text(this.tell()), state);
  }

  protected tell(): string {
    return String(this.number);
  }
}
