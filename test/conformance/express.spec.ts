import { conformanceSuite } from './suite.js';

conformanceSuite('express');
