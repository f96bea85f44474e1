import {
  Injectable,
  UseFilters,
  UseGuards,
  UseInterceptors,
  UsePipes,
  type CallHandler,
  type CanActivate,
  type ExceptionFilter,
  type NestInterceptor,
  type PipeTransform,
} from '@nestjs/common';
import { MessageBody } from '@nestjs/websockets';
import { OnIn, push, State, text, WebSockHandler, type DataMessage } from '../../src/index.js';
import type { RawMessage } from '../../src/websock/message.js';
import type { Bench } from './bench.js';
import { nestHandler } from './nest-handler.js';

@Injectable()
class Allow implements CanActivate {
  canActivate() {
    return true;
  }
}

@Injectable()
class Same implements PipeTransform<unknown> {
  transform(value: unknown) {
    return value;
  }
}

@Injectable()
class Through implements NestInterceptor {
  intercept(_context: unknown, next: CallHandler) {
    return next.handle();
  }
}

@Injectable()
class Rethrow implements ExceptionFilter {
  catch(error: unknown): never {
    throw error;
  }
}

@WebSockHandler('guard')
class GuardHandler {
  @OnIn()
  @UseGuards(Allow)
  echo(message: DataMessage, count: number) {
    return push(message, count + 1);
  }
}

@WebSockHandler('interceptor')
class InterceptorHandler {
  @OnIn()
  @UseInterceptors(Through)
  echo(message: DataMessage, count: number) {
    return push(message, count + 1);
  }
}

@WebSockHandler('filter')
class FilterHandler {
  @OnIn()
  @UseFilters(Rethrow)
  echo(message: DataMessage, count: number) {
    return push(message, count + 1);
  }
}

@WebSockHandler('parameters')
class ParametersHandler {
  @OnIn()
  echo(@MessageBody() data: string, @State() count: number) {
    return push(text(data), count + 1);
  }
}

@WebSockHandler('pipe')
class PipeHandler {
  @OnIn()
  echo(@MessageBody(Same) data: string, @State() count: number) {
    return push(text(data), count + 1);
  }
}

@WebSockHandler('all')
class AllHandler {
  @OnIn()
  @UseGuards(Allow)
  @UseInterceptors(Through)
  @UseFilters(Rethrow)
  @UsePipes(Same)
  echo(@MessageBody() data: string, @State() count: number) {
    return push(text(data), count + 1);
  }
}

const echo = (message: RawMessage, count: number) => push(message, count + 1);

export const benches: readonly Bench[] = [
  { name: '@UseFilters', handler: () => nestHandler(FilterHandler), bare: echo },
  { name: '@UseGuards, one', handler: () => nestHandler(GuardHandler), bare: echo },
  { name: '@UseInterceptors, one', handler: () => nestHandler(InterceptorHandler), bare: echo },
  { name: '@MessageBody and @State', handler: () => nestHandler(ParametersHandler), bare: echo },
  { name: '@MessageBody(pipe) and @State', handler: () => nestHandler(PipeHandler), bare: echo },
  { name: 'guard, interceptor, pipe, filter', handler: () => nestHandler(AllHandler), bare: echo },
];
