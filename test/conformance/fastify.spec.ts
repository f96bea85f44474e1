import { conformanceSuite } from './suite.js';

conformanceSuite('fastify');
