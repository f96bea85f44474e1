import { expect, it, jest } from '@jest/globals';
import { ClusterNodes } from '../../test/support/fake-cluster.js';

// What importing a package fails with that is not installed.
jest.unstable_mockModule('msgpackr', () => {
  throw Object.assign(new Error("Cannot find package 'msgpackr'"), { code: 'ERR_MODULE_NOT_FOUND' });
});

it('a cluster without msgpackr does not start, and says what to install', async () => {
  const cluster = new ClusterNodes();
  await expect(cluster.add().cluster.start()).rejects.toMatchObject({
    code: 'WEBSOCK_PACKAGE_MISSING',
    packageName: 'msgpackr',
    message: 'the codec of the cluster needs the package msgpackr: npm install msgpackr',
  });
  await cluster.stop();
});

it('a cluster with a codec of its own does without', async () => {
  const cluster = new ClusterNodes();
  await cluster.start({ codec: { encode: () => Buffer.of(1), decode: () => 1 } });
  await cluster.stop();
});
