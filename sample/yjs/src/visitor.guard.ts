import { type CanActivate, type ExecutionContext, Injectable, UnauthorizedException } from '@nestjs/common';

/** Runs on the upgrade. Nothing about it is special to Yjs. */
@Injectable()
export class VisitorGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const { query } = context.switchToHttp().getRequest<{ query: { as?: unknown } }>();
    if (typeof query.as !== 'string' || query.as === '')
      throw new UnauthorizedException('Say who you are: ?as=Ada');
    return true;
  }
}
