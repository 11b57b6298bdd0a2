import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { systemClock } from '../../src/common/clock.ts';
import type { DiscoveryBackend } from '../../src/discovery/backend.ts';
import { openDiscovery } from '../../src/discovery/discovery.ts';
import { parseEntry } from '../../src/discovery/entry.ts';
import type { Lab } from '../../src/lab/lab.ts';
import { type EnxameProcess, enxame } from '../engines/enxame-process.ts';
import { freePorts } from '../free-ports.ts';
import { Link, type LinkState } from '../stores/link.ts';
import type { StoreServers } from '../stores/process.ts';
import { callJson } from './json-call.ts';
import { SeededRandom } from './random.ts';

/** One manager, started again and again on the same port and state folder. */
export interface Member {
  readonly name: string;
  readonly port: number;
  /** Undefined while it is down. */
  process: EnxameProcess | undefined;
  /** Suspended by SIGSTOP. */
  isPaused: boolean;
  /** Its lines to the servers of the store. */
  readonly links: readonly Link[];
  /** These are cut, or silent. */
  isCutOff: boolean;
}

/** What several managers share. */
export interface FaultStore extends StoreServers {
  readonly scheme: 'etcd' | 'zk';
}

/** What managers are started with. */
export interface ManagersOptions {
  readonly count: number;
  /** Several managers share it. */
  readonly store: FaultStore | undefined;
  readonly seed: number;
}

/** The prefix of their cluster in the store. */
const PREFIX = 'bees';
/** One that does not answer so long is taken for suspended, in milliseconds. */
const ANSWER_MS = 5_000;
/** A start or an end of a manager that takes longer never comes, in milliseconds. */
const MOST_MS = 300_000;
/** How long engines stay registered, in milliseconds: longer than any run. */
const REGISTERED_MS = 86_400_000;

/** The managers of one cluster, of which some are alive. */
export class Managers {
  readonly members: readonly Member[];
  readonly #lab: Lab;
  readonly #store: FaultStore | undefined;
  /** Registers the engines in the store. */
  #agent: DiscoveryBackend | undefined;
  /** Of its own: how often a manager is chosen depends on the time that the cluster takes. */
  readonly #random: SeededRandom;
  readonly #output: string[] = [];

  private constructor(lab: Lab, { store, seed }: ManagersOptions, members: readonly Member[]) {
    this.#lab = lab;
    this.#store = store;
    this.#random = new SeededRandom(seed);
    this.members = members;
  }

  static async start(lab: Lab, options: ManagersOptions): Promise<Managers> {
    const { count, store } = options;
    const ports = await freePorts(count);
    const members = ports.map(async (port, i) => {
      const links = await Promise.all((store?.members ?? []).map((server) => Link.to(server.port)));
      return { name: `m${i}`, port, links, process: undefined, isPaused: false, isCutOff: false };
    });
    const managers = new Managers(lab, options, await Promise.all(members));
    if (store) await managers.#register(store);
    await Promise.all(managers.members.map((member) => managers.start(member)));
    return managers;
  }

  /** Those that answer. */
  get alive(): readonly Member[] {
    return this.members.filter(({ process, isPaused }) => process !== undefined && !isPaused);
  }

  /** Those of {@link alive} that reach the store, if there is one. */
  get connected(): readonly Member[] {
    return this.alive.filter(({ isCutOff }) => !isCutOff);
  }

  /** All that managers said, those at the end that are up. */
  get log(): string {
    const last = this.members.map(({ name, process }) => `--- ${name} ---\n${process?.said().slice(-4_000) ?? 'down'}`);
    return [...this.#output, ...last].join('\n');
  }

  /** One that answers, at random. */
  any(): Member {
    return this.#anyOf(this.alive);
  }

  /** One that knows what the store has, at random. */
  anyConnected(): Member {
    return this.#anyOf(this.connected);
  }

  /** The one that leads, as far as those say of themselves that reach the store; any of these while none does. */
  async primary(): Promise<Member> {
    const { connected } = this;
    for (const member of connected.length > 1 ? connected : []) if ((await roleOf(member)) === 'primary') return member;
    return this.anyConnected();
  }

  /** With the store in reach. */
  async start(member: Member): Promise<void> {
    this.link(member, 'whole');
    const { directory } = this.#lab;
    const address = `127.0.0.1:${member.port}`;
    const process = enxame([
      'manage',
      ...['-H', `tcp://${address}`, '--state-dir', join(directory, `state-${member.name}`)],
      ...['--engine-probe-interval', '1s', '--engine-probe-timeout', '2s', '--engine-failure-retry', '2'],
      ...(this.#store ? ['--replication', '--advertise', address] : []),
      this.#store ? uriOf(this.#store.scheme, member.links) : this.#lab.nodes.map(({ endpoint }) => endpoint).join(','),
    ]);
    // Noted at once: one that never serves is ended with the others, and what it said is told.
    member.process = process;
    member.isPaused = false;
    await within(`${member.name} serves`, process.until(/Manager at /));
  }

  async end(member: Member, signal: NodeJS.Signals): Promise<void> {
    const { process } = member;
    member.process = undefined;
    member.isPaused = false;
    // It counts as down already: what it said would be lost with it.
    const said = (): string => process?.said().slice(-4_000) ?? '';
    if (process) await within(`${member.name} ends by ${signal}`, process.end(signal), said);
    if (process) this.#output.push(`--- ${member.name}, ended with ${signal} ---\n${process.said().slice(-4_000)}`);
  }

  pause(member: Member): void {
    member.isPaused = true;
    member.process?.child.kill('SIGSTOP');
  }

  /** Starts the one that is down, and lets the one go on that is suspended. */
  async mend(member: Member): Promise<void> {
    if (!member.process) return await this.start(member);
    member.isPaused = false;
    member.process.child.kill('SIGCONT');
  }

  /** Takes the store from a manager, or gives it back. */
  link(member: Member, state: LinkState): void {
    member.isCutOff = state !== 'whole';
    for (const link of member.links) link.set(state);
  }

  async close(): Promise<void> {
    for (const member of this.members) {
      await this.end(member, 'SIGKILL');
      for (const link of member.links) await link.close();
    }
    await this.#agent?.close();
  }

  async #register({ scheme, members }: FaultStore): Promise<void> {
    const settings = { heartbeatMs: 60_000, clock: systemClock, options: new Map(), env: {} };
    this.#agent = await openDiscovery(uriOf(scheme, members), settings);
    for (const { endpoint } of this.#lab.nodes)
      await this.#agent.register?.(parseEntry(endpoint), REGISTERED_MS, new AbortController().signal);
  }

  #anyOf(members: readonly Member[]): Member {
    const [only] = members;
    const member = members.length > 1 ? this.#random.pick(members) : only;
    if (!member) throw new Error('no such manager is alive');
    return member;
  }
}

/** Rejects with what was waited for, and what was said meanwhile, when that takes {@link MOST_MS}. */
async function within<T>(what: string, wait: Promise<T>, said: () => string = () => ''): Promise<T> {
  const timer = new AbortController();
  const late = setTimeout(MOST_MS, undefined, { signal: timer.signal }).then(() => {
    throw new Error(`${what}: not within ${MOST_MS / 1_000} s\n${said()}`);
  });
  late.catch(() => undefined);
  return await Promise.race([wait, late]).finally(() => timer.abort());
}

function uriOf(scheme: string, servers: readonly { readonly port: number }[]): string {
  return `${scheme}://${servers.map(({ port }) => `127.0.0.1:${port}`).join(',')}/${PREFIX}`;
}

async function roleOf({ port }: Member): Promise<string | undefined> {
  const asked = callJson<{ readonly SystemStatus?: readonly (readonly [string, string])[] }>({ port }, 'GET', '/info');
  const answer = await Promise.race([asked, setTimeout(ANSWER_MS, undefined)]);
  return answer?.value?.SystemStatus?.find(([key]) => key === 'Role')?.[1];
}
