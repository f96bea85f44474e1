import { createReadStream } from 'node:fs';
import path from 'node:path';
import {
  Body,
  Controller,
  Get,
  Header,
  HttpCode,
  Post,
  Res,
  StreamableFile,
  UnauthorizedException,
  UseGuards,
} from '@nestjs/common';
import { AuthGuard, Me, type Identity } from './auth.guard.js';
import { COOKIE } from './credentials.js';
import { issue } from './tokens.js';
import { UsersService } from './users.service.js';

/** How long a log-in holds, seconds. */
const HOUR = 3_600;

interface Response {
  header(name: string, value: string): unknown;
}

@Controller()
export class SessionController {
  constructor(private readonly users: UsersService) {}

  /** Answers with a token, for clients that keep it themselves, and sets it as a cookie, for pages of this host. */
  @Post('login')
  @HttpCode(200)
  login(
    @Body() { name, password }: { name?: unknown; password?: unknown },
    @Res({ passthrough: true }) response: Response,
  ) {
    const user = this.users.withPassword(name, password);
    if (!user) throw new UnauthorizedException('No such name and password.');
    const token = issue(user.name, HOUR);
    // Behind TLS add Secure.
    response.header('Set-Cookie', `${COOKIE}=${token}; HttpOnly; SameSite=Lax; Path=/; Max-Age=${HOUR}`);
    return { token };
  }

  @Post('logout')
  @HttpCode(204)
  @Header('Set-Cookie', `${COOKIE}=; HttpOnly; SameSite=Lax; Path=/; Max-Age=0`)
  logout() {}

  /** The same guard on an ordinary route. */
  @Get('me')
  @UseGuards(AuthGuard)
  me(@Me() { user }: Identity) {
    return user;
  }

  @Get()
  @Header('Content-Type', 'text/html; charset=utf-8')
  page() {
    return new StreamableFile(createReadStream(path.join(import.meta.dirname, '../public/index.html')));
  }
}
