import type { Lab, LabNode } from '../../src/lab/lab.ts';
import { waitFor } from '../../src/namespaces/processes.ts';
import type { StoreMember } from '../stores/process.ts';
import { callJson, type Outcome } from './json-call.ts';
import { type FaultStore, Managers, type ManagersOptions, type Member } from './managers.ts';

/** What is wrong with a node at the moment. */
export type Trouble = 'crashed' | 'engine-killed' | 'hung' | 'partitioned' | 'stopped';

/** A network that spans the nodes. */
export const CLUSTER_NETWORK = 'front';

/** A node as the API lists it. */
export interface ListedNode {
  readonly ID: string;
  readonly Version: { readonly Index: number };
  readonly Spec: { readonly Availability: string; readonly Labels: Readonly<Record<string, string>> };
  readonly Description: { readonly Hostname: string };
  readonly Status: { readonly State: string };
}

/** What is wrong with a server of the store at the moment. */
export type StoreTrouble = 'killed' | 'paused';

/** Real engines, managers over them that come and go, and their store. */
export class World {
  readonly lab: Lab;
  readonly managers: Managers;
  /** Undefined for one manager, which keeps its records itself. */
  readonly store: FaultStore | undefined;
  readonly troubles: Map<LabNode, Trouble> = new Map();
  readonly storeTroubles: Map<StoreMember, StoreTrouble> = new Map();

  private constructor(lab: Lab, managers: Managers, store: FaultStore | undefined) {
    this.lab = lab;
    this.managers = managers;
    this.store = store;
  }

  static async over(lab: Lab, options: ManagersOptions): Promise<World> {
    const world = new World(lab, await Managers.start(lab, options), options.store);
    for (const member of world.managers.members)
      await waitFor('all nodes to be healthy', async () => (await world.healthyNodes(member)) === lab.nodes.length);
    // On a busy machine engines take longer to join than a call waits; one whose answer was lost may have been made.
    await waitFor(`network ${CLUSTER_NETWORK}`, async () => {
      const { status } = await world.call('POST', '/networks/create', { Name: CLUSTER_NETWORK, Attachable: true });
      return status === 201 || status === 409;
    });
    return world;
  }

  /** All that managers said, the last ones' at the end. */
  get log(): string {
    return this.managers.log;
  }

  /** Nodes that a manager can reach. */
  get reachable(): readonly LabNode[] {
    return this.lab.nodes.filter((node) => !this.troubles.has(node));
  }

  /** Reads what a manager shows that knows what the store has. */
  read<T>(path: string, member: Member = this.managers.anyConnected()): Promise<Outcome<T>> {
    return this.call<T>('GET', path, undefined, member);
  }

  /** Asks the manager that is named, or any that is alive. */
  call<T>(method: string, path: string, body?: unknown, { port }: Member = this.managers.any()): Promise<Outcome<T>> {
    return callJson<T>({ port }, method, path, body);
  }

  async healthyNodes(member?: Member): Promise<number> {
    const { value } = await this.nodes(member);
    return (value ?? []).filter(({ Status }) => Status.State === 'ready').length;
  }

  nodes(member?: Member): Promise<Outcome<readonly ListedNode[]>> {
    return this.read<readonly ListedNode[]>('/nodes', member);
  }

  /** Resolves when a manager says this, or when the time in milliseconds is over. */
  async said(pattern: RegExp, withinMs: number): Promise<void> {
    const heard = this.managers.alive.flatMap(({ process }) => process ?? []);
    const from = heard.map((process) => process.said().length);
    await waitFor('a manager’s word', () => heard.some((each, i) => pattern.test(each.said().slice(from[i]))), {
      timeoutMs: withinMs,
      everyMs: 20,
    }).catch(() => undefined);
  }

  async trouble(node: LabNode, trouble: Trouble): Promise<void> {
    this.troubles.set(node, trouble);
    if (trouble === 'crashed') await node.crash();
    else if (trouble === 'engine-killed') await node.killEngine();
    else if (trouble === 'hung') node.hang();
    else if (trouble === 'partitioned') await node.partition();
    else await node.stop();
  }

  async mend(node: LabNode): Promise<void> {
    const trouble = this.troubles.get(node);
    if (trouble === 'hung') node.resume();
    else if (trouble === 'partitioned') await node.heal();
    else if (trouble) await node.start();
    this.troubles.delete(node);
  }

  async troubleStore(member: StoreMember, trouble: StoreTrouble): Promise<void> {
    this.storeTroubles.set(member, trouble);
    if (trouble === 'paused') member.process.pause();
    else await member.process.kill();
  }

  /** All together: a single server is of no use. */
  async mendStore(members: readonly StoreMember[]): Promise<void> {
    for (const member of members) {
      if (this.storeTroubles.get(member) === 'paused') member.process.resume();
      else member.process.start();
      this.storeTroubles.delete(member);
    }
    for (const member of members) await this.store?.ready(member);
  }

  /** Nothing is wrong afterwards. */
  async mendAll(): Promise<void> {
    await this.mendStore([...this.storeTroubles.keys()]);
    for (const member of this.managers.members) this.managers.link(member, 'whole');
    for (const member of this.managers.members)
      if (!this.managers.alive.includes(member)) await this.managers.mend(member);
    for (const node of [...this.troubles.keys()]) await this.mend(node);
  }
}
