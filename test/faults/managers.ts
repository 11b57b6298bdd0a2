import { join } from 'node:path';
import type { Lab } from '../../src/lab/lab.ts';
import { type EnxameProcess, enxame } from '../engines/enxame-process.ts';
import type { EtcdServers } from '../stores/etcd-servers.ts';
import { freePorts } from '../stores/process.ts';
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
}

/** What managers are started with. */
export interface ManagersOptions {
  readonly count: number;
  /** Several managers share it. */
  readonly store: EtcdServers | undefined;
  readonly seed: number;
}

/** The prefix of their cluster in the store. */
const PREFIX = 'bees';
/** One that does not answer so long is taken for suspended, in milliseconds. */
const ANSWER_MS = 5_000;

/** The managers of one cluster, of which some are alive. */
export class Managers {
  readonly members: readonly Member[];
  readonly #lab: Lab;
  readonly #store: EtcdServers | undefined;
  /** Of its own: how often a manager is chosen depends on the time that the cluster takes. */
  readonly #random: SeededRandom;
  readonly #output: string[] = [];

  private constructor(lab: Lab, { store, seed }: ManagersOptions, ports: readonly number[]) {
    this.#lab = lab;
    this.#store = store;
    this.#random = new SeededRandom(seed);
    this.members = ports.map((port, i) => ({ name: `m${i}`, port, process: undefined, isPaused: false }));
  }

  static async start(lab: Lab, options: ManagersOptions): Promise<Managers> {
    const { count, store } = options;
    const text = (value: string): string => Buffer.from(value).toString('base64');
    for (const { endpoint } of store ? lab.nodes : [])
      await store?.post('/v3/kv/put', {
        key: text(`/${PREFIX}/docker/swarm/nodes/${endpoint}`),
        value: text(endpoint),
      });
    const managers = new Managers(lab, options, await freePorts(count));
    await Promise.all(managers.members.map((member) => managers.start(member)));
    return managers;
  }

  /** Those that answer. */
  get alive(): readonly Member[] {
    return this.members.filter(({ process, isPaused }) => process !== undefined && !isPaused);
  }

  /** All that managers said, those at the end that are up. */
  get log(): string {
    const last = this.members.map(({ name, process }) => `--- ${name} ---\n${process?.said().slice(-4_000) ?? 'down'}`);
    return [...this.#output, ...last].join('\n');
  }

  /** One that answers, at random. */
  any(): Member {
    const { alive } = this;
    const [only] = alive;
    const member = alive.length > 1 ? this.#random.pick(alive) : only;
    if (!member) throw new Error('no manager is alive');
    return member;
  }

  /** The one that leads, as far as those that are alive say of themselves; any while none does. */
  async primary(): Promise<Member> {
    for (const member of this.alive.length > 1 ? this.alive : [])
      if ((await roleOf(member)) === 'primary') return member;
    return this.any();
  }

  async start(member: Member): Promise<void> {
    const { directory } = this.#lab;
    const address = `127.0.0.1:${member.port}`;
    const process = enxame([
      'manage',
      ...['-H', `tcp://${address}`, '--state-dir', join(directory, `state-${member.name}`)],
      ...['--engine-probe-interval', '1s', '--engine-probe-timeout', '2s', '--engine-failure-retry', '2'],
      ...(this.#store ? ['--replication', '--advertise', address] : []),
      this.#store ? `etcd://${this.#store.hosts}/${PREFIX}` : this.#lab.nodes.map(({ endpoint }) => endpoint).join(','),
    ]);
    await process.until(/Manager at /);
    member.process = process;
    member.isPaused = false;
  }

  async end(member: Member, signal: NodeJS.Signals): Promise<void> {
    const { process } = member;
    member.process = undefined;
    member.isPaused = false;
    await process?.end(signal);
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
}

async function roleOf({ port }: Member): Promise<string | undefined> {
  const asked = callJson<{ readonly SystemStatus?: readonly (readonly [string, string])[] }>({ port }, 'GET', '/info');
  const late = new Promise<undefined>((resolve) => setTimeout(resolve, ANSWER_MS, undefined));
  const answer = await Promise.race([asked, late]);
  return answer?.value?.SystemStatus?.find(([key]) => key === 'Role')?.[1];
}
