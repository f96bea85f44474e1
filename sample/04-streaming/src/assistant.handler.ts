import {
  json,
  OnIn,
  OnInit,
  ok,
  push,
  WebSockHandler,
  type Connection,
  type DataMessage,
} from 'nestjs-websock';
import { LanguageModel } from './language-model.js';

/** A callback that is an async generator: each `yield` is sent as soon as the client has taken what came before. */
@WebSockHandler('assistant', { maxMessageSize: 4_096 })
export class AssistantHandler {
  constructor(private readonly model: LanguageModel) {}

  @OnInit()
  open() {
    return ok(0);
  }

  /** Another question waits until this one is answered. */
  @OnIn()
  async *answer([, question]: DataMessage, answered: number, connection: Connection) {
    for await (const token of this.model.complete(String(question), connection.signal)) {
      yield push(json({ token }), answered);
    }
    return push(json({ done: answered + 1 }), answered + 1);
  }
}
