#!/usr/bin/env node
// `npm start`: installs what is missing, then runs the tutorial on three real engines. `npm start -- --once` ends it at its last line.
import { setup } from './setup.mjs';

await setup({ use: 'lab', generations: ['28.5'] });
await import(new URL('../dist/tutorial/main.js', import.meta.url));
