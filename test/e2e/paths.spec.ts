import { Module, RequestMethod, VERSION_NEUTRAL, VersioningType } from '@nestjs/common';
import { RouterModule } from '@nestjs/core';
import { type DataMessage, OnIn, push, WebSockHandler, WebSockModule } from '../../src/index.js';
import { closeApps, eachPlatform, startApp } from '../support/nest.js';

class Echo {
  @OnIn()
  echo(message: DataMessage, state: unknown) {
    return push(message, state);
  }
}

@WebSockHandler('live')
class LiveHandler extends Echo {}

@WebSockHandler('live', { version: '2' })
class LiveHandler2 extends Echo {}

@WebSockHandler({ path: 'many', version: ['1', VERSION_NEUTRAL] })
class ManyHandler extends Echo {}

@WebSockHandler({ path: 'hosted', host: ':tenant.example.com' })
class HostedHandler extends Echo {}

@WebSockHandler()
class PathlessHandler extends Echo {}

@Module({ imports: [WebSockModule], providers: [LiveHandler] })
class FeatureModule {}

eachPlatform('the path of a handler on %s', (platform) => {
  const imports = [WebSockModule];

  afterEach(closeApps);

  it('is behind the global prefix, unless excluded', async () => {
    const app = await startApp(platform, {
      imports,
      providers: [LiveHandler, ManyHandler],
      setUp: (nest) =>
        nest.setGlobalPrefix('api', { exclude: [{ path: 'many', method: RequestMethod.GET }] }),
    });
    expect((await app.open('/live')).status).toBe(404);
    expect((await app.open('/api/live')).status).toBe(101);
    expect((await app.open('/many')).status).toBe(101);
  });

  it('is behind the path that RouterModule gives its module', async () => {
    const routes = RouterModule.register([{ path: 'feature', module: FeatureModule }]);
    const app = await startApp(platform, { imports: [FeatureModule, routes] });
    expect((await app.open('/feature/live')).status).toBe(101);
    expect((await app.open('/live')).status).toBe(404);
  });

  it('has the version in it under URI versioning', async () => {
    const app = await startApp(platform, {
      imports,
      providers: [LiveHandler, LiveHandler2, ManyHandler],
      setUp: (nest) => nest.enableVersioning({ type: VersioningType.URI, defaultVersion: '1' }),
    });
    const statuses: number[] = [];
    for (const path of ['/v1/live', '/v2/live', '/live', '/many', '/v1/many', '/v2/many'])
      statuses.push((await app.open(path)).status);
    expect(statuses).toEqual([101, 101, 404, 101, 101, 404]);
  });

  it('is told apart by the version under header versioning', async () => {
    const app = await startApp(platform, {
      imports,
      providers: [LiveHandler2],
      setUp: (nest) => nest.enableVersioning({ type: VersioningType.HEADER, header: 'X-Version' }),
    });
    expect((await app.open('/live', { headers: { 'X-Version': '2' } })).status).toBe(101);
    expect((await app.open('/live', { headers: { 'X-Version': '3' } })).status).toBe(404);
  });

  it('is for its host only', async () => {
    const app = await startApp(platform, { imports, providers: [HostedHandler] });
    expect((await app.open('/hosted', { headers: { Host: 'a.example.com' } })).status).toBe(101);
    expect((await app.open('/hosted', { headers: { Host: 'example.org' } })).status).toBe(404);
  });

  it('may be missing', async () => {
    const app = await startApp(platform, { imports, providers: [PathlessHandler] });
    expect((await app.open('/')).status).toBe(404);
  });
});
