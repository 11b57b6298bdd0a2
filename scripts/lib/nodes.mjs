import { mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { must, run, SetupError, step } from './steps.mjs';

/** The releases of Node that are supported and tested besides the one that runs. */
const MAJORS = [22, 24, 26];

/** Paths of the other releases' `node`, by major version; from npm's packages of Node's own builds, unpacked once. */
export async function otherNodes() {
  const own = Number(process.versions.node.split('.')[0]);
  const others = MAJORS.filter((major) => major !== own);
  const paths = [];
  for (const major of others) paths.push({ major, path: await ensureNode(major) });
  return paths;
}

async function ensureNode(major) {
  const cache = join(process.env.ENXAME_CACHE_DIR ?? '/var/tmp/enxame-cache', 'node');
  const home = join(cache, String(major));
  const path = join(home, 'package', 'bin', 'node');
  if (await isNode(path, major)) return path;
  await mkdir(cache, { recursive: true });
  await step(`fetching Node ${major}`, () => fetchNode(major, cache, home));
  if (!(await isNode(path, major)))
    throw new SetupError(`${path} does not run as Node ${major}. Remove ${home} and try again`);
  return path;
}

/** Unpacks beside the place and moves it there in one go: another run may look at the same time. */
async function fetchNode(major, cache, home) {
  const folder = await mkdtemp(join(cache, `${major}-`));
  try {
    const name = `node-linux-${process.arch}@${major}`;
    const [packed] = JSON.parse(await must('npm', ['pack', '--json', '--pack-destination', folder, name]));
    await must('tar', ['-xzf', join(folder, packed.filename), '-C', folder]);
    await rm(join(folder, packed.filename));
    await checkPackage(folder, major);
    await rm(home, { recursive: true, force: true });
    await rename(folder, home).catch((error) => {
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function checkPackage(folder, major) {
  const { version } = JSON.parse(await readFile(join(folder, 'package', 'package.json'), 'utf8'));
  if (!version.startsWith(`${major}.`))
    throw new SetupError(`npm gave Node ${version} where Node ${major} was asked for`);
}

async function isNode(path, major) {
  const answer = await run(path, ['--version']).catch(() => undefined);
  return answer?.exitCode === 0 && answer.stdout.startsWith(`v${major}.`);
}
