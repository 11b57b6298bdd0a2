import { readFile } from 'node:fs/promises';
import { SetupError } from './steps.mjs';

/** Throws one clear line unless real engines can run here. */
export async function checkMachine(root) {
  if (process.platform !== 'linux') {
    throw new SetupError(
      `real Docker engines need Linux, this is ${process.platform}: use a Debian machine or VM, or \`npm run test:unit\``,
    );
  }
  if (process.getuid?.() !== 0) {
    throw new SetupError('real Docker engines need root: run the command again with sudo, or use `npm run test:unit`');
  }
  const { engines } = JSON.parse(await readFile(new URL('package.json', root), 'utf8'));
  checkNodeVersion(process.versions.node, engines.node);
}

/** `wanted` is the lower bound of package.json, ">=20.19". */
function checkNodeVersion(actual, wanted) {
  const [major, minor] = actual.split('.').map(Number);
  const [wantedMajor, wantedMinor = 0] = wanted.replace(/^\D+/, '').split('.').map(Number);
  if (major > wantedMajor || (major === wantedMajor && minor >= wantedMinor)) return;
  throw new SetupError(`Node.js ${wanted} is needed, this is ${actual}: install a newer Node.js`);
}
