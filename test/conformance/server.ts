// npm run conformance:server -- [--port N] [--stack express|fastify|http2|core]
import { parseArgs } from 'node:util';
import { Fixture, serveControl } from './control.js';
import { startStack } from './stacks/index.js';

const { values } = parseArgs({
  options: { port: { type: 'string', default: '0' }, stack: { type: 'string', default: 'express' } },
});
const { url } = await serveControl(new Fixture(startStack(values.stack)), Number(values.port));
console.log(`control ${url}`);

// Killed, npm takes its shell along, but not what runs in it.
const { ppid } = process;
if (process.env.npm_lifecycle_event !== undefined)
  setInterval(() => process.ppid === ppid || process.exit(), 500);
