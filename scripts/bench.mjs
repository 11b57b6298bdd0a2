// Compiles the benchmark and runs it: `npm run bench -- read --nodes 1000`, `npm run bench -- help`.
import { spawn, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const tsc = fileURLToPath(new URL('../node_modules/.bin/tsc', import.meta.url));
const compiled = spawnSync(tsc, ['-p', 'bench/tsconfig.json'], { cwd: root, stdio: 'inherit' });
if (compiled.status !== 0) process.exit(compiled.status ?? 1);

const main = fileURLToPath(new URL('../.cache/bench/bench/main.js', import.meta.url));
const args = ['--enable-source-maps', main, ...process.argv.slice(2)];
const child = spawn(process.execPath, args, { cwd: root, stdio: 'inherit' });
// Ctrl-C reaches the child by itself; we only wait for what it makes of it.
process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => child.kill('SIGTERM'));
child.on('exit', (code) => process.exit(code ?? 1));
