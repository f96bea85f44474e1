import { conformanceSuite } from './suite.js';

conformanceSuite('core');
