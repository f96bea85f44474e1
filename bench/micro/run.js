// npm run bench:micro [-- --only pattern] [--quick] [--json]: compiles src and the benchmarks as the package is compiled, and
// runs them.
import { rmSync } from 'node:fs';
import path from 'node:path';
import { compile, fail, node, root } from '../../tools/run.js';

async function start() {
  rmSync(path.join(root, 'dist/bench'), { recursive: true, force: true });
  await compile('tsconfig.bench.json');
  await node(path.join(root, 'dist/bench/bench/micro/main.js'), ...process.argv.slice(2));
}

await start().catch(fail);
