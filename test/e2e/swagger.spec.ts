import { Controller, Get } from '@nestjs/common';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import { type DataMessage, OnIn, push, WebSockHandler, WebSockModule } from '../../src/index.js';
import { closeApps, eachPlatform, startApp } from '../support/nest.js';

@Controller('pages')
class PageController {
  @Get()
  page() {
    return 'a page';
  }
}

@WebSockHandler('live')
class LiveHandler {
  @OnIn()
  echo(message: DataMessage, state: unknown) {
    return push(message, state);
  }
}

eachPlatform('Swagger on %s', (platform) => {
  afterEach(closeApps);

  it('does not list handlers', async () => {
    const app = await startApp(platform, {
      imports: [WebSockModule],
      controllers: [PageController],
      providers: [LiveHandler],
    });
    const document = SwaggerModule.createDocument(app.app, new DocumentBuilder().build());
    expect(Object.keys(document.paths)).toEqual(['/pages']);
  });
});
