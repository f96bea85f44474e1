import { Module, UseGuards, type CanActivate, type ExecutionContext } from '@nestjs/common';
import {
  Connection,
  Connections,
  ok,
  OnIn,
  OnInfo,
  OnInit,
  OnTerminate,
  PubSub,
  push,
  text,
  WebSockHandler,
  WebSockModule,
  type CloseReason,
  type ConnectionRef,
  type DataMessage,
} from 'nestjs-websock';
import { COUNT, lookUp, TOKEN } from './work.js';

@WebSockHandler('echo')
class EchoHandler {
  @OnIn()
  echo(message: DataMessage, state: unknown) {
    return push(message, state);
  }
}

@WebSockHandler('echo-async')
class AsyncEchoHandler {
  @OnIn()
  async echo(message: DataMessage, state: unknown) {
    return push(await lookUp(message), state);
  }
}

@WebSockHandler('receive')
class ReceiveHandler {
  private received = 0;

  @OnIn()
  receive([opcode, data]: DataMessage, state: unknown) {
    if (opcode === 'text' && data === COUNT) return push(text(`${this.received}`), state);
    this.received++;
    return ok(state);
  }
}

@WebSockHandler('broadcast')
class BroadcastHandler {
  private readonly members = new Set<ConnectionRef>();

  constructor(private readonly connections: Connections) {}

  @OnInit()
  enter(_request: unknown, { ref }: Connection) {
    this.members.add(ref);
    return ok(undefined);
  }

  @OnIn()
  publish(message: DataMessage, state: unknown) {
    for (const ref of this.members) this.connections.sendInfo(ref, message);
    return ok(state);
  }

  @OnInfo()
  deliver(message: DataMessage, state: unknown) {
    return push(message, state);
  }

  @OnTerminate()
  leave(_reason: CloseReason, _state: unknown, _facts: unknown, { ref }: Connection) {
    this.members.delete(ref);
  }
}

@WebSockHandler('broadcast-deflate', { compress: true })
class DeflateBroadcastHandler extends BroadcastHandler {}

const asItIs = (message: DataMessage) => message;

@WebSockHandler('topic')
class TopicHandler {
  constructor(private readonly pubsub: PubSub) {}

  @OnInit()
  enter(_request: unknown, connection: Connection) {
    connection.subscribe('topic', { fastlane: asItIs });
    return ok(undefined);
  }

  @OnIn()
  publish(message: DataMessage, state: unknown) {
    this.pubsub.broadcast('topic', message);
    return ok(state);
  }
}

class TokenGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    return context.switchToHttp().getRequest<{ query: { token?: string } }>().query.token === TOKEN;
  }
}

@WebSockHandler('guarded')
@UseGuards(TokenGuard)
class GuardedHandler extends EchoHandler {}

/** A handler for each {@link Work}, with all options at their defaults. */
@Module({
  imports: [WebSockModule],
  providers: [
    EchoHandler,
    AsyncEchoHandler,
    ReceiveHandler,
    BroadcastHandler,
    DeflateBroadcastHandler,
    TopicHandler,
    GuardedHandler,
  ],
})
export class AppModule {}
