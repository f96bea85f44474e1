import { randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import path from 'node:path';
import { Controller, Get, Header, Param, Redirect, StreamableFile } from '@nestjs/common';
import { BoardNamePipe } from './board-name.pipe.js';
import { PageScript } from './page-script.js';

const PUBLIC = path.join(import.meta.dirname, '../public');

/** Nothing comes from elsewhere. `blob:` is the exported picture. */
const POLICY = "default-src 'self'; connect-src 'self' ws: wss:; img-src 'self' data: blob:";

@Controller()
export class PageController {
  constructor(private readonly script: PageScript) {}

  /** A new board. Who has its link may draw on it: the name is not to be guessed. */
  @Get()
  @Redirect()
  fresh() {
    return { url: `/b/${randomBytes(9).toString('base64url')}` };
  }

  @Get('b/:board')
  @Header('Content-Type', 'text/html; charset=utf-8')
  @Header('Content-Security-Policy', POLICY)
  @Header('Referrer-Policy', 'no-referrer')
  page(@Param('board', BoardNamePipe) _board: string) {
    return file('index.html');
  }

  @Get('whiteboard.css')
  @Header('Content-Type', 'text/css; charset=utf-8')
  style() {
    return file('whiteboard.css');
  }

  @Get('whiteboard.js')
  @Header('Content-Type', 'text/javascript; charset=utf-8')
  bundle() {
    return this.script.code;
  }
}

function file(name: string): StreamableFile {
  return new StreamableFile(createReadStream(path.join(PUBLIC, name)));
}
