// Nest 11, for test:nest11 and check:package.
import { install } from './install.js';
import { fail } from './run.js';

await install('test/nest11').catch(fail);
