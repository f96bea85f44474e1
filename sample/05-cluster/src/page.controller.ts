import { createReadStream } from 'node:fs';
import path from 'node:path';
import { Controller, Get, Header, StreamableFile } from '@nestjs/common';

const PUBLIC = path.join(import.meta.dirname, '../public');
/** The look is the other chat's. */
const CHAT = path.join(import.meta.dirname, '../../01-chat/public');

@Controller()
export class PageController {
  /** It may connect to other hosts: the other node has another port. */
  @Get()
  @Header('Content-Type', 'text/html; charset=utf-8')
  @Header('Content-Security-Policy', "default-src 'self'; img-src data:; connect-src ws: wss:")
  page() {
    return file(PUBLIC, 'index.html');
  }

  @Get('chat.css')
  @Header('Content-Type', 'text/css; charset=utf-8')
  look() {
    return file(CHAT, 'chat.css');
  }

  @Get('cluster.css')
  @Header('Content-Type', 'text/css; charset=utf-8')
  style() {
    return file(PUBLIC, 'cluster.css');
  }

  @Get('cluster.js')
  @Header('Content-Type', 'text/javascript; charset=utf-8')
  script() {
    return file(PUBLIC, 'cluster.js');
  }
}

function file(folder: string, name: string): StreamableFile {
  return new StreamableFile(createReadStream(path.join(folder, name)));
}
