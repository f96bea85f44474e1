import { createHash, timingSafeEqual } from 'node:crypto';
import {
  type CanActivate,
  type ExecutionContext,
  Injectable,
  NotFoundException,
  UnauthorizedException,
} from '@nestjs/common';
import { Directory } from './directory.js';

interface StationRequest {
  readonly params: { readonly station: string };
  readonly headers: { readonly authorization?: string };
}

interface Response {
  header(name: string, value: string): unknown;
}

/** HTTP Basic on the upgrade: the user is the station's identity, the password its key (OCPP-J 1.6 §6.2). */
@Injectable()
export class StationGuard implements CanActivate {
  constructor(private readonly directory: Directory) {}

  canActivate(context: ExecutionContext): boolean {
    const http = context.switchToHttp();
    const { params, headers } = http.getRequest<StationRequest>();
    const key = this.directory.keyOf(params.station);
    if (key === undefined) throw new NotFoundException('There is no such station.');
    if (isEqual(credentialsIn(headers.authorization), `${params.station}:${key}`)) return true;
    http.getResponse<Response>().header('WWW-Authenticate', 'Basic realm="ocpp"');
    throw new UnauthorizedException('The key of the station is missing or wrong.');
  }
}

function credentialsIn(authorization = ''): string {
  const [, credentials = ''] = /^basic +(\S+)$/i.exec(authorization) ?? [];
  return Buffer.from(credentials, 'base64').toString();
}

/** Takes as long for what is nearly right as for anything else. */
function isEqual(given: string, right: string): boolean {
  const [one, other] = [given, right].map((text) => createHash('sha256').update(text).digest());
  return timingSafeEqual(one!, other!);
}
