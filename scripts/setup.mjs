#!/usr/bin/env node
// Makes this machine ready for `npm start` and `npm test`. Needs nothing but Node.js: it runs before `npm ci`.
//   node scripts/setup.mjs [--lab] [--generations 20.10,26.1,28.5] [--no-build]
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ensureBuild, ensureDependencies } from './lib/build.mjs';
import { checkMachine } from './lib/machine.mjs';
import { ensurePackages } from './lib/packages.mjs';
import { SetupError, step } from './lib/steps.mjs';

const root = new URL('../', import.meta.url);

/**
 * Installs what is missing and builds what is out of date; says so only where something takes time. Ends the process with one
 * line and exit code 1 if the machine cannot be made ready.
 * - `use`: 'lab' for real engines only, 'tests' for everything the tests need (default).
 * - `generations`: Docker generations to have unpacked (default the installed 20.10 alone).
 * - `build`: compile the sources (default true; generations other than the installed one need it).
 */
export async function setup({ use = 'tests', generations = ['20.10'], build = true } = {}) {
  try {
    await checkMachine(root);
    await ensurePackages(use);
    await ensureDependencies(root);
    if (build) await ensureBuild(root);
    await prepareGenerations(generations, build);
  } catch (error) {
    if (!(error instanceof SetupError) && error?.code === undefined) throw error;
    process.stderr.write(`setup: ${error.message}\n`);
    process.exit(1);
  }
}

async function prepareGenerations(generations, build) {
  if (!build) return; // The lab unpacks what it lacks by itself.
  const { ensureGenerations } = await import(new URL('dist/namespaces/suites.js', root));
  await ensureGenerations(generations, (line) => process.stderr.write(`setup: ${line}\n`));
}

async function main() {
  const { values } = parseArgs({
    options: {
      lab: { type: 'boolean', default: false },
      generations: { type: 'string', default: '20.10' },
      build: { type: 'boolean', default: true },
    },
    allowNegative: true,
  });
  const generations = values.generations.split(',').filter(Boolean);
  await step('checking this machine', () =>
    setup({ use: values.lab ? 'lab' : 'tests', generations, build: values.build }),
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
