// npm test [-- section …]: every check, in order; stops at the first that fails.
import { fail, run } from './run.js';

const SECTIONS = [
  'format:check',
  'lint',
  'typecheck',
  'typecheck:ts7',
  'test:types',
  'docs',
  'build',
  'jest',
  'bench:smoke',
  'test:plain-ws',
  'test:nest11',
  'check:package',
];

async function test(wanted) {
  const unknown = wanted.find((section) => !SECTIONS.includes(section));
  if (unknown) throw new Error(`No section "${unknown}"; there are: ${SECTIONS.join(', ')}.`);
  for (const section of SECTIONS.filter((name) => !wanted.length || wanted.includes(name))) {
    console.log(`\n━━━ ${section} ${'━'.repeat(72 - section.length)}\n`);
    const start = performance.now();
    await run('npm', ['run', '--silent', section]).catch(() => {
      throw new Error(`✗ npm run ${section} failed.`);
    });
    console.log(`✓ ${section} (${((performance.now() - start) / 1000).toFixed(1)} s)`);
  }
  console.log('\n✓ all green');
}

await test(process.argv.slice(2)).catch(fail);
