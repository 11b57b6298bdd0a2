#!/usr/bin/env node
// `npm start`: installs what is missing, then runs the tutorial on three real engines. `npm start -- --once` ends it at its last line.
import { setup } from './setup.mjs';

const unknown = process.argv.slice(2).find((word) => word !== '--once');
if (unknown !== undefined) {
  process.stderr.write(
    `start: unknown argument "${unknown}": npm start, or npm start -- --once to end at the last line\n`,
  );
  process.exit(2);
}

await setup({ use: 'lab', generations: ['28.5'] });
await import(new URL('../dist/tutorial/main.js', import.meta.url));
