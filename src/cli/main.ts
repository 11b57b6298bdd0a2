#!/usr/bin/env node
import { processIo } from './io.ts';
import { run } from './program.ts';

// What commands write is their owner's alone, also what libraries write (the state folder's store). `machine scp` makes files for
// people, by another program.
if (!process.argv.includes('scp')) process.umask(process.umask() | 0o077);

const io = processIo(process);
process.exitCode = await run(process.argv.slice(2), io);
io.release();
