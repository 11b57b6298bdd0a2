import { existsSync } from 'node:fs';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { foreignEngines, requirements, services } from './requirements.mjs';
import { must, run, SetupError, step } from './steps.mjs';

const policy = '/usr/sbin/policy-rc.d';
const savedPolicy = `${policy}.before-enxame-setup`;
/** Debian's interface for it: exit code 101 forbids a package to start or stop services. */
const noServices = '#!/bin/sh\n# Put here by enxame setup while it installs packages.\nexit 101\n';
const lockWaitSeconds = 300;
/** Each includes those before it. */
const uses = ['lab', 'tests', 'vm'];

/** Installs the packages that are missing for `use` ('lab', 'tests' or 'vm'). Starts no service and removes no package. */
export async function ensurePackages(use) {
  await restorePolicy();
  const missing = await missingPackages(use);
  if (missing.length === 0) return;
  if (!existsSync('/usr/bin/apt-get')) {
    throw new SetupError(`this is no Debian: install by hand what these Debian packages hold: ${missing.join(', ')}`);
  }
  await step('reading the package lists', updateLists);
  await step(`installing ${missing.join(', ')}`, () => withoutServices(() => install(missing)));
  await disableServices(missing);
}

async function missingPackages(use) {
  const wanted = requirements.filter((each) => uses.indexOf(each.use) <= uses.indexOf(use)).map(({ name }) => name);
  const installed = await installedAmong([...wanted, ...foreignEngines]);
  const foreign = foreignEngines.some((name) => installed.has(name));
  return wanted.filter((name) => !installed.has(name) && !(foreign && name === 'docker.io'));
}

async function installedAmong(names) {
  // Exit code 1 only says that some are unknown.
  // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg's own placeholders.
  const { stdout } = await run('dpkg-query', ['-W', '-f', '${Package} ${db:Status-Status}\n', ...names]);
  const lines = stdout.split('\n').map((line) => line.split(' '));
  return new Set(lines.filter(([, status]) => status === 'installed').map(([name]) => name));
}

/** apt waits for dpkg's lock by itself, but not for the lists' lock. */
async function updateLists() {
  const deadline = performance.now() + lockWaitSeconds * 1000;
  while (true) {
    const { exitCode, stderr } = await run('apt-get', ['-qq', 'update']);
    if (exitCode === 0) return;
    if (!/could not get lock|unable to lock/i.test(stderr) || performance.now() > deadline) {
      throw new SetupError(`apt-get update failed: ${stderr.trim()}`);
    }
    await delay(2000);
  }
}

async function install(names) {
  const options = [
    '-qq',
    '-y',
    '--no-install-recommends',
    '--no-remove',
    '-o',
    `DPkg::Lock::Timeout=${lockWaitSeconds}`,
  ];
  // Questions about configuration files keep what the user has.
  const keep = ['-o', 'Dpkg::Options::=--force-confdef', '-o', 'Dpkg::Options::=--force-confold'];
  await must('apt-get', [...options, ...keep, 'install', ...names], { env: { DEBIAN_FRONTEND: 'noninteractive' } });
}

async function withoutServices(work) {
  if (existsSync(policy)) await rename(policy, savedPolicy);
  await writeFile(policy, noServices, { mode: 0o755 });
  try {
    return await work();
  } finally {
    await restorePolicy();
  }
}

/** Undoes {@link withoutServices}; also what an interrupted earlier setup left. */
async function restorePolicy() {
  const ours = (await readFile(policy, 'utf8').catch(() => '')) === noServices;
  if (existsSync(savedPolicy)) await rename(savedPolicy, policy);
  else if (ours) await rm(policy, { force: true });
}

/** Debian enables services on installation: without this a reboot would start them. */
async function disableServices(names) {
  if (!existsSync('/run/systemd/system')) return;
  const units = names.flatMap((name) => services[name] ?? []);
  // A unit that does not exist is no fault.
  for (const unit of units) await run('systemctl', ['disable', '--quiet', unit]);
}
