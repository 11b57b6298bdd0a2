import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { UsageError } from '../../common/errors.ts';
import type { Generation } from '../../namespaces/generations.ts';
import { generations } from '../../namespaces/generations.ts';
import { runDirectory } from '../../namespaces/paths.ts';
import { ensureGenerations } from '../../namespaces/suites.ts';
import { type Driver, type DriverContext, type DriverModule, defineDriver } from '../driver.ts';
import { DriverError } from '../errors.ts';
import { exists, killMachine, type LocalMachine, processesOf, startMachine, stopMachine } from './host.ts';
import { assertEngine, assertPossible, assertTools, DEFAULT_GENERATION, hostNeeds } from './needs.ts';
import { claimPort, findPort, type LocalNetwork, openNetwork, releasePort } from './network.ts';
import { localProvisioner } from './provisioner.ts';

interface LocalOptions {
  readonly 'local-generation': string;
  readonly 'local-network': string;
  readonly 'local-folder': string;
}

/** A machine that is an engine in namespaces of this host: its own network address, processes, host name and disk space. */
export const driver: DriverModule = defineDriver({
  name: 'local',
  summary: 'an engine in namespaces of this host (Linux, root), there in a second',
  options: [
    {
      flag: 'local-generation',
      type: 'string',
      help: 'which Docker, of those Debian ships',
      env: ['ENXAME_LOCAL_GENERATION'],
      default: DEFAULT_GENERATION,
      choices: generations,
    },
    {
      flag: 'local-network',
      type: 'string',
      help: 'machines of one network reach each other',
      env: ['ENXAME_LOCAL_NETWORK'],
      default: 'machines',
      problem: (value) =>
        /^[a-z0-9](?:[a-z0-9-]{0,14}[a-z0-9])?$/.test(String(value))
          ? undefined
          : 'should be lower-case letters, digits and dashes, at most 16',
    },
    {
      flag: 'local-folder',
      type: 'string',
      help: 'where images and containers are kept, on a real disk',
      env: ['ENXAME_LOCAL_DIR'],
      default: '/var/lib/enxame/local',
      problem: (value) => (String(value).startsWith('/') ? undefined : 'is not an absolute path'),
    },
  ],
  needs: hostNeeds,
  open: (context) => new LocalDriver(context),
  hostAddress: async (options, signal) => {
    assertPossible();
    signal.throwIfAborted();
    return (await openNetwork(networkOf(options))).bridgeAddress;
  },
});

function networkOf(options: LocalOptions): LocalNetwork {
  return { root: options['local-folder'], name: options['local-network'] };
}

class LocalDriver implements Driver {
  readonly provisioning: Driver['provisioning'];
  readonly #context: DriverContext<LocalOptions>;
  readonly #machine: LocalMachine;

  constructor(context: DriverContext<LocalOptions>) {
    const { options, name, id } = context;
    this.#context = context;
    this.#machine = {
      network: networkOf(options),
      node: nodeName(name, id),
      hostname: name,
      generation: options['local-generation'] as Generation,
    };
    this.provisioning = localProvisioner(this.#machine);
  }

  async check(): Promise<void> {
    assertPossible();
    const { network, generation } = this.#machine;
    assertTools();
    if (existsSync(runDirectory(network.name)))
      throw new UsageError(`a lab is called "${network.name}" too: choose another --local-network`);
    assertEngine(generation);
  }

  async create(signal: AbortSignal): Promise<void> {
    const { change, journal, report } = this.#context;
    const { network, node, generation } = this.#machine;
    signal.throwIfAborted();
    const unpack = { action: 'unpack engine', parameters: { generation } };
    await change(unpack, () => ensureGenerations([generation], report), undefined);
    await journal.ensure('host', {
      make: () => {
        const plug = async (): Promise<{ id: string }> => {
          await claimPort(network, node);
          return { id: node };
        };
        return change({ action: 'make network namespace', parameters: { network: network.name, node } }, plug, {
          id: node,
        });
      },
    });
    await change({ action: 'start host', parameters: { node } }, () => startMachine(this.#machine, signal), undefined);
  }

  async state(): Promise<'Running' | 'Stopped'> {
    this.#assertThere();
    return (await processesOf(this.#machine)) === undefined ? 'Stopped' : 'Running';
  }

  async start(signal: AbortSignal): Promise<void> {
    this.#assertThere();
    await startMachine(this.#machine, signal);
  }

  async stop(): Promise<void> {
    this.#assertThere();
    await stopMachine(this.#machine);
  }

  async restart(signal: AbortSignal): Promise<void> {
    await this.stop();
    await this.start(signal);
  }

  async kill(): Promise<void> {
    this.#assertThere();
    await killMachine(this.#machine);
  }

  async remove(): Promise<void> {
    const { journal, change } = this.#context;
    const { network, node } = this.#machine;
    if (journal.resources.length === 0 && !exists(this.#machine)) return;
    // Gracefully first: a dockerd that is killed leaves nothing either, but its containers would be killed too.
    await change({ action: 'remove host', parameters: { node } }, () => releasePort(network, node), undefined);
    for (const resource of journal.resources) await journal.forget(resource);
  }

  async ip(): Promise<string> {
    const port = await findPort(this.#machine.network, this.#machine.node);
    if (port === undefined) throw new DriverError(`${this.#machine.hostname} has no address yet`, 'NO_ADDRESS');
    return port.address;
  }

  async url(): Promise<string> {
    return `tcp://${await this.ip()}:2376`;
  }

  async shell(): Promise<{ kind: 'command'; prefix: readonly string[] } | undefined> {
    const running = await processesOf(this.#machine);
    if (running === undefined) return undefined;
    const into = ['--target', String(running.init.pid), '--net', '--mount', '--uts', '--pid'];
    // /run is the machine's own there, so that `docker` finds its engine.
    return { kind: 'command', prefix: ['nsenter', ...into, 'env', '-u', 'DOCKER_HOST', '-u', 'DOCKER_TLS_VERIFY'] };
  }

  async labels(): Promise<Readonly<Record<string, string>>> {
    const boot = await readFile('/proc/sys/kernel/hostname', 'utf8').catch(() => '');
    const zone = boot.trim();
    return { provider: 'local', ...(zone === '' ? {} : { zone }) };
  }

  async close(): Promise<void> {}

  #assertThere(): void {
    if (exists(this.#machine)) return;
    throw new DriverError(
      `${this.#machine.hostname} is not on this host (any more): remove it with "enxame machine rm ${this.#machine.hostname}"`,
      'MACHINE_GONE',
    );
  }
}

/** Part of namespace and folder names: what people recognise, and what tells it from one of the same name in another store. */
function nodeName(name: string, id: string): string {
  const slug = name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 28)
    .replace(/^-+|-+$/g, '');
  return `${slug}-${id
    .toLowerCase()
    .replace(/[^a-z0-9]/g, '')
    .slice(-6)}`;
}
