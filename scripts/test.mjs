#!/usr/bin/env node
// `npm test`: installs what is missing, builds, checks and runs every test; those that other releases of Node could fail, there too. Instead of that `--matrix` runs the full product of versions,
// `--vm` the drivers that start real virtual machines.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { otherNodes } from './lib/nodes.mjs';
import { setup } from './setup.mjs';

const VITEST = 'node_modules/vitest/vitest.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const isMatrix = process.argv.includes('--matrix');
const isVm = process.argv.includes('--vm');

await setup({ use: isVm ? 'vm' : 'tests', generations: ['20.10', '26.1', '28.5'] });
if (isMatrix) {
  run('every client with every engine', 'npx', ['vitest', 'run', '--project', 'matrix']);
} else if (isVm) {
  run('virtual machines', 'npx', ['vitest', 'run', '--project', 'vm']);
} else {
  run('format and lint', 'npx', ['biome', 'check', '.']);
  run('types', 'npx', ['tsc', '-p', 'tsconfig.json']);
  run('types of the page', 'npx', ['tsc', '-p', 'ui/tsconfig.json']);
  run('dead code', 'npx', ['knip']);
  run('unit tests', 'npx', ['vitest', 'run', '--project', 'unit']);
  run('tests on real stores', 'npx', ['vitest', 'run', '--project', 'stores']);
  run('tests on real engines', 'npx', ['vitest', 'run', '--project', 'engines']);
  run('the page in a browser', 'npx', ['vitest', 'run', '--project', 'browser']);
  run('the tutorial', 'node', ['scripts/start.mjs', '--once']);
  const others = await otherNodes();
  for (const [at, { major, path }] of others.entries()) {
    // Unit tests on the oldest and the newest: what both pass, those between them do. The drivers take a quarter of the time, and lean on nothing that differs.
    if (at === 0 || at === others.length - 1) {
      const drivers = ['--exclude', 'src/drivers/**'];
      run(`unit tests on Node ${major}`, path, [VITEST, 'run', '--project', 'unit', 'src/', ...drivers]);
    }
    run(`real engines on Node ${major}`, path, [VITEST, 'run', '--project', 'nodes']);
  }
}

/** Runs one step with its output; the first that fails ends everything with its exit code. */
function run(name, command, args) {
  process.stdout.write(`\n== ${name}\n`);
  const { status } = spawnSync(command, args, { cwd: root, stdio: 'inherit' });
  if (status !== 0) {
    process.stderr.write(`\n${name}: failed\n`);
    process.exit(status ?? 1);
  }
}
