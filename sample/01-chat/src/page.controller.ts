import { createReadStream } from 'node:fs';
import path from 'node:path';
import { Controller, Get, Header, StreamableFile } from '@nestjs/common';

const PUBLIC = path.join(import.meta.dirname, '../public');

/** The page: three files, as they are. */
@Controller()
export class PageController {
  @Get()
  @Header('Content-Type', 'text/html; charset=utf-8')
  @Header('Content-Security-Policy', "default-src 'self'; img-src data:")
  page() {
    return file('index.html');
  }

  @Get('chat.css')
  @Header('Content-Type', 'text/css; charset=utf-8')
  style() {
    return file('chat.css');
  }

  @Get('chat.js')
  @Header('Content-Type', 'text/javascript; charset=utf-8')
  script() {
    return file('chat.js');
  }
}

function file(name: string): StreamableFile {
  return new StreamableFile(createReadStream(path.join(PUBLIC, name)));
}
