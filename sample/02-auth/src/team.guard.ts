import {
  type CanActivate,
  type ExecutionContext,
  ForbiddenException,
  Injectable,
  SetMetadata,
} from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { AuthRequest } from './auth.guard.js';
import type { Role } from './users.service.js';

const ROLES = 'roles';

/** The roles in the team that may pass. */
export const Roles = (...roles: Role[]) => SetMetadata(ROLES, roles);

/** Checks the user's role in the team that the path names. Runs behind AuthGuard. */
@Injectable()
export class TeamGuard implements CanActivate {
  constructor(private readonly reflector: Reflector) {}

  canActivate(context: ExecutionContext): boolean {
    const { identity, params } = context.switchToHttp().getRequest<AuthRequest>();
    const allowed = this.reflector.get<Role[]>(ROLES, context.getClass());
    const role = identity?.user.roles[params.team ?? ''];
    if (role === undefined || !allowed.includes(role)) {
      throw new ForbiddenException(`This is for ${allowed.join(' and ')} of ${params.team} only.`);
    }
    return true;
  }
}
