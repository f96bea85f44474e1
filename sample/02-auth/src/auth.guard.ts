import {
  type CanActivate,
  createParamDecorator,
  type ExecutionContext,
  Injectable,
  UnauthorizedException,
} from '@nestjs/common';
import type { IncomingHttpHeaders } from 'node:http';
import { tokenOf } from './credentials.js';
import { verify } from './tokens.js';
import { UsersService, type User } from './users.service.js';

/** Who asks, and until when that holds. */
export interface Identity {
  readonly user: User;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
}

export interface AuthRequest {
  readonly headers: IncomingHttpHeaders;
  readonly params: Record<string, string>;
  identity?: Identity;
}

/** Nothing about it is special to WebSockets: it guards HTTP routes as well. */
@Injectable()
export class AuthGuard implements CanActivate {
  constructor(private readonly users: UsersService) {}

  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<AuthRequest>();
    const claims = verify(tokenOf(request.headers) ?? '');
    const user = claims && this.users.find(claims.sub);
    if (!user) throw new UnauthorizedException('Log in first.');
    request.identity = { user, expiresAt: claims.exp * 1000 };
    return true;
  }
}

/** The identity that the guard has found. */
export const Me = createParamDecorator(
  (_: unknown, context: ExecutionContext) => context.switchToHttp().getRequest<AuthRequest>().identity,
);
