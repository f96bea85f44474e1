import { createReadStream } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { BadRequestException, Controller, Get, Header, Query, StreamableFile } from '@nestjs/common';
import { sign } from './tokens.js';

const PAGE = path.join(import.meta.dirname, '../public/index.html');
const CLIENT = path.join(createRequire(import.meta.url).resolve('phoenix'), '../phoenix.mjs');

@Controller()
export class PageController {
  @Get()
  @Header('Content-Type', 'text/html; charset=utf-8')
  page() {
    return new StreamableFile(createReadStream(PAGE));
  }

  /** The npm package `phoenix`, as it is. */
  @Get('phoenix.mjs')
  @Header('Content-Type', 'text/javascript; charset=utf-8')
  client() {
    return new StreamableFile(createReadStream(CLIENT));
  }

  /** Here anybody is who they say they are. Yours asks for a password. */
  @Get('token')
  token(@Query('user') user: unknown) {
    if (typeof user !== 'string' || !/^(?=.*\S).{1,30}$/u.test(user))
      throw new BadRequestException('Give a name of 1 to 30 characters: ?user=Ada');
    return { token: sign(user.trim()) };
  }
}
