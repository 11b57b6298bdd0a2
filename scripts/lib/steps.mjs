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

/** As {@link run}, but failure is a SetupError with the last lines the program said. */
export async function must(command, args, options) {
  const result = await run(command, args, options);
  if (result.exitCode === 0) return result.stdout;
  const said = `${result.stdout}\n${result.stderr}`.trim().split('\n').slice(-12).join('\n  ');
  throw new SetupError(`${command} ${args.join(' ')} failed (exit code ${result.exitCode}):\n  ${said}`);
}
