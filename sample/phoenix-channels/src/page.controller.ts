import { createReadStream } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { BadRequestException, Controller, Get, Header, Query, StreamableFile } from '@nestjs/common';
import { sign } from './tokens.js';

const PUBLIC = path.join(import.meta.dirname, '../public');
/** The look is the other chat's. */
const CHAT = path.join(import.meta.dirname, '../../01-chat/public');
const PHOENIX = path.dirname(createRequire(import.meta.url).resolve('phoenix'));

@Controller()
export class PageController {
  @Get()
  @Header('Content-Type', 'text/html; charset=utf-8')
  @Header('Content-Security-Policy', "default-src 'self'; img-src blob: data:")
  page() {
    return file(PUBLIC, 'index.html');
  }

  @Get('chat.css')
  @Header('Content-Type', 'text/css; charset=utf-8')
  look() {
    return file(CHAT, 'chat.css');
  }

  @Get('room.css')
  @Header('Content-Type', 'text/css; charset=utf-8')
  style() {
    return file(PUBLIC, 'room.css');
  }

  @Get('room.js')
  @Header('Content-Type', 'text/javascript; charset=utf-8')
  script() {
    return file(PUBLIC, 'room.js');
  }

  /** The npm package `phoenix`, as it is. */
  @Get('phoenix.mjs')
  @Header('Content-Type', 'text/javascript; charset=utf-8')
  client() {
    return file(PHOENIX, 'phoenix.mjs');
  }

  /** Here anybody is who they say they are. Yours asks for a password. */
  @Get('token')
  token(@Query('user') user: unknown) {
    if (typeof user !== 'string' || !/^(?=.*\S).{1,30}$/u.test(user))
      throw new BadRequestException('Give a name of 1 to 30 characters: ?user=Ada');
    return { token: sign(user.trim()) };
  }
}

function file(folder: string, name: string): StreamableFile {
  return new StreamableFile(createReadStream(path.join(folder, name)));
}
