import { conformanceSuite } from './suite.js';

conformanceSuite('plain-ws');
