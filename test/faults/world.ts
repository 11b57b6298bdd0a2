import net from 'node:net';
import { join } from 'node:path';
import type { Lab, LabNode } from '../../src/lab/lab.ts';
import { waitFor } from '../../src/namespaces/processes.ts';
import { type EnxameProcess, enxame } from '../engines/enxame-process.ts';
import { callJson, type Outcome } from './json-call.ts';

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

/** Real engines, and a manager over them that is started again and again on the same state folder. */
export class World {
  readonly lab: Lab;
  readonly troubles: Map<LabNode, Trouble> = new Map();
  readonly #port: number;
  readonly #output: string[] = [];
  #manager: EnxameProcess | undefined;

  private constructor(lab: Lab, port: number) {
    this.lab = lab;
    this.#port = port;
  }

  static async over(lab: Lab): Promise<World> {
    const world = new World(lab, await freePort());
    await world.startManager();
    await waitFor('all nodes to be healthy', async () => (await world.healthyNodes()) === lab.nodes.length);
    const made = await world.call('POST', '/networks/create', { Name: CLUSTER_NETWORK, Attachable: true });
    if (made.status !== 201) throw new Error(`network ${CLUSTER_NETWORK}: ${made.said}`);
    return world;
  }

  get isManagerUp(): boolean {
    return this.#manager !== undefined;
  }

  /** All that managers said, the last one's at the end. */
  get log(): string {
    return [...this.#output, this.#manager?.said() ?? ''].join('\n--- the next manager ---\n');
  }

  /** Nodes that a manager can reach. */
  get reachable(): readonly LabNode[] {
    return this.lab.nodes.filter((node) => !this.troubles.has(node));
  }

  async startManager(): Promise<void> {
    const { directory, nodes } = this.lab;
    const manager = enxame([
      'manage',
      ...['-H', `tcp://127.0.0.1:${this.#port}`, '--state-dir', join(directory, 'manager-state')],
      ...['--engine-probe-interval', '1s', '--engine-probe-timeout', '2s', '--engine-failure-retry', '2'],
      nodes.map(({ endpoint }) => endpoint).join(','),
    ]);
    await manager.until(/Manager at /);
    this.#manager = manager;
  }

  async endManager(signal: NodeJS.Signals): Promise<void> {
    const manager = this.#manager;
    this.#manager = undefined;
    await manager?.end(signal);
    if (manager) this.#output.push(manager.said());
  }

  call<T>(method: string, path: string, body?: unknown): Promise<Outcome<T>> {
    return callJson<T>({ port: this.#port }, method, path, body);
  }

  async healthyNodes(): Promise<number> {
    const { value } = await this.nodes();
    return (value ?? []).filter(({ Status }) => Status.State === 'ready').length;
  }

  nodes(): Promise<Outcome<readonly ListedNode[]>> {
    return this.call<readonly ListedNode[]>('GET', '/nodes');
  }

  /** Resolves when the manager says this, or when the time in milliseconds is over. */
  async said(pattern: RegExp, withinMs: number): Promise<void> {
    const manager = this.#manager;
    const from = manager?.said().length ?? 0;
    await waitFor('the manager’s word', () => pattern.test(manager?.said().slice(from) ?? ''), {
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
}

async function freePort(): Promise<number> {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as net.AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
