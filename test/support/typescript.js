// node --import ./test/support/typescript.js file.ts: runs TypeScript from source, as jest does.
import { register } from 'node:module';

register('./typescript-hooks.js', import.meta.url);
