import { mkdir, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { failure, must, run, step } from './steps.mjs';

const quiet = ['--no-audit', '--no-fund'];

/** Installs the npm packages if the lockfile is newer than what is installed. */
export async function ensureDependencies(root) {
  const [locked, installed] = await Promise.all([
    modified(new URL('package-lock.json', root)),
    modified(new URL('node_modules/.package-lock.json', root)),
  ]);
  if (installed >= locked) return;
  await step('installing npm packages', () => installDependencies(fileURLToPath(root)));
}

async function installDependencies(cwd) {
  const clean = await run('npm', ['ci', ...quiet], { cwd });
  if (clean.exitCode === 0) return;
  // A lockfile written against a registry that lacks other platforms' optional packages has no entries for them. `npm ci`
  // refuses it, `npm install` takes the locked versions all the same.
  if (!/Missing: .* from lock file/.test(clean.stderr)) throw failure('npm ci', clean);
  await must('npm', ['install', '--no-save', ...quiet], { cwd });
}

/** Compiles if a source or a setting is newer than the last build. */
export async function ensureBuild(root) {
  const stamp = new URL('node_modules/.cache/enxame-build', root);
  const inputs = ['tsconfig.json', 'tsconfig.build.json', 'package.json'].map((name) => modified(new URL(name, root)));
  const folders = [newestSource(new URL('src/', root)), newestSource(new URL('ui/', root), () => true)];
  const newest = Math.max(...(await Promise.all([...inputs, ...folders])));
  const isPresent = (await modified(new URL('dist/', root))) > 0;
  if (isPresent && (await modified(stamp)) > newest) return;
  // Taken before compiling: a source saved meanwhile must count as newer.
  const start = new Date();
  // What was compiled from sources that moved since must not stay beside the rest.
  await rm(new URL('dist/', root), { recursive: true, force: true });
  const cwd = fileURLToPath(root);
  await step('compiling', async () => {
    await must(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'], { cwd });
    await must(process.execPath, ['node_modules/vite/bin/vite.js', 'build', 'ui', '--logLevel', 'warn'], { cwd });
  });
  await mkdir(new URL('./', stamp), { recursive: true });
  await writeFile(stamp, start.toISOString());
  await utimes(stamp, start, start);
}

/** Time of the last change in milliseconds; 0 if there is no such file. */
async function modified(url) {
  return await stat(url).then(
    ({ mtimeMs }) => mtimeMs,
    () => 0,
  );
}

const isSource = (name) => name.endsWith('.ts') && !name.endsWith('.test.ts');

async function newestSource(folder, counts = isSource) {
  const entries = await readdir(folder, { withFileTypes: true });
  const times = entries.map((entry) => {
    if (entry.isDirectory()) return newestSource(new URL(`${entry.name}/`, folder), counts);
    return counts(entry.name) ? modified(new URL(entry.name, folder)) : 0;
  });
  return Math.max(0, ...(await Promise.all(times)));
}
