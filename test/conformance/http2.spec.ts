import { conformanceSuite } from './suite.js';

conformanceSuite('http2');
