import { type CanActivate, type ExecutionContext, Injectable, UnauthorizedException } from '@nestjs/common';

/** Runs on the upgrade. Nothing about it is special to socket.io. */
@Injectable()
export class MemberGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const { query } = context.switchToHttp().getRequest<{ query: { as?: unknown } }>();
    if (typeof query.as !== 'string' || query.as === '')
      throw new UnauthorizedException('Say who you are: ?as=Ada');
    return true;
  }
}
