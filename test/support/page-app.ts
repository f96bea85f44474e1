import { Controller, Get, Header, type ModuleMetadata } from '@nestjs/common';
import { NestApp, type Platform } from './nest.js';

type Imports = ModuleMetadata['imports'];

/** Beside what the app is for, so that a page has its origin. */
@Controller()
class PageController {
  @Get('page')
  @Header('Content-Type', 'text/html')
  page() {
    return '<!doctype html><title>page</title>';
  }
}

/** An app that has a page, empty, at `/page`. */
export async function startPageApp(platform: Platform, imports: Imports): Promise<NestApp> {
  const app = await create(platform, imports);
  await app.app.listen(0, '127.0.0.1');
  return app;
}

/** Ends an app, and starts another one on its port. In between there is none. */
export async function replacePageApp(
  app: NestApp,
  platform: Platform,
  imports: Imports,
  between: () => unknown,
): Promise<void> {
  const { port } = app;
  // Made before: the port stays free for a moment only.
  const next = await create(platform, imports);
  await app.close();
  await between();
  await next.app.listen(port, '127.0.0.1');
}

function create(platform: Platform, imports: Imports): Promise<NestApp> {
  return NestApp.create(platform, { imports, controllers: [PageController], endsConnections: true });
}
