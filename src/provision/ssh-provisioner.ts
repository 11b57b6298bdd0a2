import { isIPv6 } from 'node:net';
import { type Clock, systemClock } from '../common/clock.ts';
import { DriverError } from '../common/errors.ts';
import type { SshEnvironment } from '../ssh/files.ts';
import { clientAddress } from './client-address.ts';
import { connect } from './connect.ts';
import { PATHS } from './daemon-settings.ts';
import { certificateFiles, engineFiles, readEngine } from './engine-files.ts';
import { endEtcd, keepEtcd, upgradeEtcd } from './etcd.ts';
import { type HostFacts, readFacts } from './facts.ts';
import { keepFenceAgent, removeFenceAgent } from './fence-agent.ts';
import { openPort } from './firewall.ts';
import { setHostname } from './hostname.ts';
import type { InitSystem, RemoteFile } from './init/init-system.ts';
import { none } from './init/none.ts';
import { openrc } from './init/openrc.ts';
import { systemd } from './init/systemd.ts';
import { letLoginUserIn } from './login-user.ts';
import { keepMeshAgent, removeMeshAgent } from './mesh-agent.ts';
import { firstStart, installEngine, renewEngine } from './packages.ts';
import type { EngineSpec, Provisioner, ServerCertificates, Task } from './provisioner.ts';
import { behind, type Remote } from './remote.ts';
import { restartAroundContainers, takesPartInSwarmMode } from './rotation.ts';
import { waitUntilServed } from './served.ts';
import type { Reachable } from './shell.ts';
import { runStep } from './step.ts';
import { upload } from './upload.ts';

/** How a machine is provisioned. */
export interface SshProvisionerOptions {
  /** Sets the machine's host name to the machine's name. Default: it keeps its own. */
  readonly setsHostname?: boolean;
  /** How long a machine that does not answer yet is waited for, in milliseconds; default five minutes. */
  readonly waitMs?: number;
  readonly environment?: SshEnvironment | undefined;
  readonly clock?: Clock;
}

const INITS: Readonly<Record<HostFacts['init'], InitSystem>> = { systemd, openrc, none };
const DEFAULT_WAIT_MS = 300_000;

/**
 * Provisions the driver's machine through its shell, over one connection per call. Every step looks first and changes only what is
 * different; the engine is restarted only when something did.
 */
export function sshProvisioner(driver: Reachable, options: SshProvisionerOptions = {}): Provisioner {
  const { clock = systemClock, waitMs = DEFAULT_WAIT_MS, environment } = options;
  const on = async (task: Task, work: (host: Host) => Promise<void>): Promise<void> => {
    const remote = await connect({ driver, waitMs, clock, environment }, task);
    try {
      const facts = await readFacts(remote, task);
      await work({ facts, root: behind(remote, facts.become), init: INITS[facts.init] });
    } finally {
      await remote.close();
    }
  };
  const served = async ({ port }: EngineSpec, certificates: ServerCertificates, task: Task): Promise<void> => {
    if (port === undefined) return;
    const url = await driver.url(task.signal);
    if (url.startsWith('tcp:')) await waitUntilServed(url, certificates, task, clock);
  };
  return {
    certificatePaths: PATHS,
    provision: async (spec, certificates, task) => {
      await on(task, async (host) => {
        await install(host, spec, task);
        if (options.setsHostname === true && host.facts.hostname !== spec.name)
          await runStep(host.root, setHostname(spec.name), task);
        if (spec.port === undefined) {
          await runStep(host.root, letLoginUserIn, task);
          return await configure(host, spec, certificates, undefined, task);
        }
        await configure(host, spec, certificates, listenAddress(await driver.url(task.signal), spec.port), task);
        await runStep(host.root, openPort(spec.port), task);
      });
      await served(spec, certificates, task);
    },
    replaceCertificates: async (spec, certificates, task) => {
      await on(task, (host) => replaceCertificates(host, spec, certificates, task));
      await served(spec, certificates, task);
    },
    clientAddress: async (task) => {
      const remote = await connect({ driver, waitMs, clock, environment }, task);
      try {
        return await clientAddress(remote, task);
      } finally {
        await remote.close();
      }
    },
    restartsContainers: async (task) => {
      let answer = false;
      await on(task, async ({ root }) => {
        answer = await takesPartInSwarmMode(root, task);
      });
      return answer;
    },
    keepFenceAgent: async (agent, task) => {
      await on(task, async ({ root, init }) => {
        if (agent === undefined) await removeFenceAgent(root, init, task);
        else await keepFenceAgent(root, init, agent, task);
      });
    },
    keepMeshAgent: (agent, task) =>
      on(task, (host) => (agent === undefined ? removeMeshAgent(host, task) : keepMeshAgent(host, agent, task))),
    keepEtcd: (spec, task) => on(task, (host) => keepEtcd(host, spec, task)),
    upgradeEtcd: (task) => on(task, (host) => upgradeEtcd(host, task)),
    endEtcd: (name, keepsData, task) => on(task, (host) => endEtcd(host, name, keepsData, task)),
    upgrade: async (_spec, task) => {
      await on(task, async ({ root, facts }) => {
        if (!facts.hasEngine) throw noEngine(root);
        task.report('upgrading the engine');
        await runStep(root, renewEngine(facts, root.name), task);
      });
    },
  };
}

/** A machine we are root on. */
interface Host {
  readonly root: Remote;
  readonly facts: HostFacts;
  readonly init: InitSystem;
}

async function install({ root, facts }: Host, spec: EngineSpec, task: Task): Promise<void> {
  await runStep(root, firstStart, task);
  if (facts.hasEngine) return;
  task.report(`installing the engine on ${facts.os.title}`);
  await runStep(root, installEngine(facts, root.name, spec.installUrl), task);
}

async function configure(
  { root, init }: Host,
  spec: EngineSpec,
  certificates: ServerCertificates,
  listen: string | undefined,
  task: Task,
): Promise<void> {
  const state = await readEngine(root, init, task);
  const files = [...certificateFiles(certificates), ...engineFiles(spec, listen, init, state)];
  const isChanged = await uploadAll(root, files, task);
  if (!isChanged && state.isCurrent) return;
  task.report('starting the engine');
  await runStep(root, { title: 'starting the engine', script: init.restart, timeoutMs: 180_000 }, task);
}

async function replaceCertificates(
  { root, facts, init }: Host,
  { port }: EngineSpec,
  certificates: ServerCertificates,
  task: Task,
): Promise<void> {
  if (!facts.hasEngine) throw noEngine(root);
  const state = await readEngine(root, init, task);
  const isChanged = await uploadAll(root, certificateFiles(certificates), task);
  if (!state.isRunning) await runStep(root, { title: 'starting the engine', script: init.restart }, task);
  // Without a port they are the agents' alone.
  else if (port !== undefined && (isChanged || !state.isCurrent))
    await restartAroundContainers(root, init, state, task);
}

/** One after the other: a careful sshd runs one command per connection at a time. */
async function uploadAll(root: Remote, files: readonly RemoteFile[], task: Task): Promise<boolean> {
  let isChanged = false;
  for (const file of files) if (await upload(root, file, task)) isChanged = true;
  return isChanged;
}

function listenAddress(url: string, port: number): string {
  const host = URL.canParse(url) ? new URL(url).hostname.replace(/^\[(.*)\]$/, '$1') : '';
  return `tcp://${isIPv6(host) ? '[::]' : '0.0.0.0'}:${port}`;
}

function noEngine(root: Remote): DriverError {
  return new DriverError(`there is no engine on ${root.name} (any more): provision it first`, 'NO_ENGINE');
}
