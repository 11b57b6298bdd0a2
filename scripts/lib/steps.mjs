import { spawn } from 'node:child_process';

/** Something the user can put right: shown as one line, without a stack. */
export class SetupError extends Error {}

/** Runs `work` as one visible step: what is being done, then how long it took. */
export async function step(title, work) {
  const start = performance.now();
  process.stderr.write(`setup: ${title} ...\n`);
  const result = await work();
  process.stderr.write(`setup: ${title}: done in ${((performance.now() - start) / 1000).toFixed(1)} s\n`);
  return result;
}

/** Runs a program to its end; never rejects because of its exit code. */
export function run(command, args, { env = {}, cwd } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, PATH: `/usr/sbin:/sbin:${process.env.PATH ?? '/usr/bin:/bin'}`, LC_ALL: 'C', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (chunk) => {
      stdout += chunk;
    });
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
    });
    child.once('error', (error) => reject(new SetupError(`cannot run ${command}: ${error.message}`)));
    child.once('close', (exitCode) => resolve({ exitCode: exitCode ?? 137, stdout, stderr }));
  });
}

/** As {@link run}, but failure is a SetupError. Returns the standard output. */
export async function must(command, args, options) {
  const result = await run(command, args, options);
  if (result.exitCode === 0) return result.stdout;
  throw failure(`${command} ${args.join(' ')}`, result);
}

/** A SetupError with what the program said: its beginning, where npm tells the reason, and its end, where apt and tsc do. */
export function failure(command, { exitCode, stdout, stderr }) {
  const lines = `${stdout}\n${stderr}`.split('\n').filter((line) => !/^(npm (warn|error))?\s*$/.test(line));
  const said = lines.length <= 16 ? lines : [...lines.slice(0, 8), '...', ...lines.slice(-8)];
  return new SetupError(`${command} failed (exit code ${exitCode}):\n  ${said.join('\n  ')}`);
}
