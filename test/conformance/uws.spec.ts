import { conformanceSuite } from './suite.js';

conformanceSuite('uws');
