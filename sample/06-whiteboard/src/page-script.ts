import path from 'node:path';
import { Injectable, type OnModuleInit } from '@nestjs/common';
import { buildSync } from 'esbuild';

const ENTRY = path.join(import.meta.dirname, '../public/whiteboard.js');

/** The page's modules, with yjs and y-websocket, as one: bundled when the app starts. */
@Injectable()
export class PageScript implements OnModuleInit {
  code = '';

  onModuleInit(): void {
    // Not `build`, which keeps a process for the next one.
    const { outputFiles } = buildSync({
      entryPoints: [ENTRY],
      bundle: true,
      write: false,
      format: 'esm',
      platform: 'browser',
      target: 'es2022',
      minify: true,
    });
    this.code = outputFiles[0]!.text;
  }
}
