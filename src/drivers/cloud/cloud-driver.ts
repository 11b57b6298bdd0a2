import type { Shell, SshShell } from '../../provision/shell.ts';
import type { Driver, DriverContext } from '../driver.ts';
import { DriverError } from '../errors.ts';
import type { MachineState } from '../state.ts';
import { removeOwnKey } from './key-files.ts';
import type { MachineFirewall } from './machine-firewall.ts';
import { isPlanned } from './planned.ts';
import { pollUntil } from './poll.ts';

/** A server as its provider sees it. */
export interface CloudServer {
  readonly id: string;
  readonly state: MachineState;
  /** The provider's own word for the state, for messages. */
  readonly word: string;
  /** The address to use: public or private, as the person chose. */
  readonly address: string | undefined;
  /** `region`, `zone`, `instance-type`, `spot`; `provider` where the driver's name does not tell it. */
  readonly labels: Readonly<Record<string, string>>;
}

/** Changes of a server's state; each resolves when the provider has taken it. */
export interface PowerActions {
  start(id: string, signal: AbortSignal): Promise<void>;
  /** Gracefully. */
  stop(id: string, signal: AbortSignal): Promise<void>;
  /** At once. */
  kill(id: string, signal: AbortSignal): Promise<void>;
  restart(id: string, signal: AbortSignal): Promise<void>;
}

/** What a cloud's driver has to say; the rest of a {@link Driver} is the same for all of them. */
export interface Cloud {
  /** As people call the provider: `Amazon EC2`. */
  readonly provider: string;
  readonly power: PowerActions;
  check(signal: AbortSignal): Promise<void>;
  create(signal: AbortSignal): Promise<void>;
  /** The server with that identifier; without one, the one that carries the machine's tags. Undefined: there is none. */
  server(id: string | undefined, signal: AbortSignal): Promise<CloudServer | undefined>;
  remove(signal: AbortSignal): Promise<void>;
  /** The machine's own firewall; absent: there is none that is changed later. */
  readonly firewall?: MachineFirewall;
  ssh(): Pick<SshShell, 'user' | 'port' | 'keyPath'>;
  close(): Promise<void>;
}

/** Kind of the journal's entry for the server itself, with every cloud. */
export const SERVER = 'server';

const ENGINE_PORT = 2376;
const POWER_MS = 10 * 60_000;
/** After which a server that was asked to shut down is switched off. */
const GRACE_MS = 4 * 60_000;

/** The driver of one machine at a cloud. */
export function cloudDriver(context: DriverContext<unknown>, cloud: Cloud): Driver {
  const states = new Power(context, cloud);
  const { firewall } = cloud;
  const ip = async (signal: AbortSignal): Promise<string> => {
    const { address } = await states.current(signal);
    if (address !== undefined && address !== '') return address;
    throw new DriverError(`${context.name} has no address yet. Start it, or wait a moment`, 'NO_ADDRESS');
  };
  return {
    provisioning: 'ssh',
    isRemote: true,
    check: (signal) => cloud.check(signal),
    create: (signal) => cloud.create(signal),
    state: async (signal) => (await states.current(signal)).state,
    start: (signal) => states.start(signal),
    stop: (signal) => states.stop('stop', signal),
    kill: (signal) => states.stop('kill', signal),
    restart: (signal) => states.restart(signal),
    remove: async (signal) => {
      await cloud.remove(signal);
      // Last: the key is needed to log in to a server that could not be removed.
      await removeOwnKey(context.directory);
    },
    ...(firewall && { fitFirewall: (sources, signal, options) => firewall.fit(sources, signal, options) }),
    ip,
    url: async (signal) => `tcp://${bracketed(await ip(signal))}:${ENGINE_PORT}`,
    shell: async (signal): Promise<Shell> => ({ kind: 'ssh', host: await ip(signal), ...cloud.ssh() }),
    labels: async (signal) => (await states.current(signal)).labels,
    close: () => cloud.close(),
  };
}

/** Brings a server into a state, whatever it is doing at the moment. */
class Power {
  readonly #context: DriverContext<unknown>;
  readonly #cloud: Cloud;

  constructor(context: DriverContext<unknown>, cloud: Cloud) {
    this.#context = context;
    this.#cloud = cloud;
  }

  async current(signal: AbortSignal): Promise<CloudServer> {
    signal.throwIfAborted();
    const id = this.#context.journal.find(SERVER)?.id;
    const isMade = id === undefined || !isPlanned(id);
    const server = isMade ? await this.#cloud.server(id, signal) : undefined;
    if (server !== undefined) return server;
    throw new DriverError(
      `${this.#cloud.provider} has no server for ${this.#context.name}. "enxame machine rm" removes the rest of it`,
      'MACHINE_GONE',
    );
  }

  async start(signal: AbortSignal): Promise<void> {
    const server = await this.#settled(['Stopping'], signal);
    if (server.state === 'Running' || server.state === 'Starting') return;
    await this.#cloud.power.start(server.id, signal);
  }

  async stop(how: 'stop' | 'kill', signal: AbortSignal): Promise<void> {
    const server = await this.#settled(how === 'kill' ? [] : ['Starting'], signal);
    if (server.state === 'Stopped') return;
    if (server.state !== 'Stopping' || how === 'kill') await this.#cloud.power[how](server.id, signal);
    try {
      await this.#until('to stop', ({ state }) => state === 'Stopped', signal, how === 'stop' ? GRACE_MS : POWER_MS);
    } catch (error) {
      if (how === 'kill' || (error as DriverError).code !== 'TIMEOUT') throw error;
      this.#context.report('it does not shut down: switching it off');
      await this.stop('kill', signal);
    }
  }

  async restart(signal: AbortSignal): Promise<void> {
    const server = await this.#settled(['Stopping', 'Starting'], signal);
    if (server.state === 'Stopped') await this.#cloud.power.start(server.id, signal);
    else await this.#cloud.power.restart(server.id, signal);
  }

  /** The server once it is in none of the passing states. */
  #settled(passing: readonly MachineState[], signal: AbortSignal): Promise<CloudServer> {
    return this.#until('to settle', ({ state }) => !passing.includes(state), signal);
  }

  #until(
    what: string,
    isSo: (server: CloudServer) => boolean,
    signal: AbortSignal,
    timeoutMs: number = POWER_MS,
  ): Promise<CloudServer> {
    const wait = { what: `${this.#context.name} ${what}`, timeoutMs };
    const look = async (): Promise<CloudServer | undefined> => {
      const server = await this.current(signal);
      return isSo(server) ? server : undefined;
    };
    return pollUntil(this.#context, wait, look, signal);
  }
}

function bracketed(address: string): string {
  return address.includes(':') ? `[${address}]` : address;
}
