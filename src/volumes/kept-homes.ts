import type { Cluster } from '../cluster/cluster.ts';
import type { Node } from '../cluster/node.ts';
import type { VolumeSummary } from '../engine/types.ts';
import type { HomeMemory, VolumeHomes } from './homes.ts';

/** What is remembered of homes, and how volumes are let go. */
export interface VolumeMemory extends HomeMemory {
  absentVolumes(): readonly VolumeSummary[];
  /** Lets a volume on nodes that left go. */
  releaseAbsent(name: string): Promise<void>;
  /** Lets a volume go that a node which is away held. */
  releaseOn(node: Node, name: string): Promise<void>;
  /** Notes at once which volumes nodes list by now: before a client is told of one that was made or removed. Never rejects. */
  flush(): Promise<void>;
}

export interface KeptHomesDeps {
  readonly cluster: Cluster;
  readonly homes: VolumeHomes;
  /** Undefined when nothing is kept: then nothing is written. */
  readonly memory: VolumeMemory | undefined;
}

/** Writes what a restart must know of homes: those just given, and copies let go while their node was away. */
export class KeptHomes {
  readonly #deps: KeptHomesDeps;

  constructor(deps: KeptHomesDeps) {
    this.#deps = deps;
  }

  /** Before the engine makes a volume it is durable where: a manager that starts while that node is down must know. */
  async give(name: string, node: Node): Promise<void> {
    const { memory, homes } = this.#deps;
    if (!memory || this.#isListed(name, node) || homes.given(name)?.nodeId === node.id) return;
    await memory.given.put(name, { nodeId: node.id, nodeName: node.name });
  }

  /** Takes back homes that were given and are no longer needed; all but those `node` lists. Never rejects: what stays is checked. */
  async withdraw(node: Node | undefined, names: readonly string[]): Promise<void> {
    const { memory, homes } = this.#deps;
    for (const name of names) {
      if (!homes.given(name) || homes.isReserved(name) || (node && this.#isListed(name, node))) continue;
      await memory?.given.delete(name).catch(() => undefined);
    }
  }

  /** A volume whose node is away is not removed there, but has no home any more. */
  async letGo(name: string, away: readonly Node[]): Promise<void> {
    const { memory, cluster, homes } = this.#deps;
    for (const node of away) {
      await memory?.released.put(`${node.id}/${name}`, '');
      if (memory) await memory.releaseOn(node, name);
      else
        cluster.replaceVolumes(
          node,
          cluster.volumes.of(node).filter(({ Name }) => Name !== name),
        );
    }
    await memory?.releaseAbsent(name);
    if (homes.given(name)) await memory?.given.delete(name);
  }

  /** Copies on these nodes are removed, so that none has to be remembered as let go. */
  async removed(name: string, nodes: readonly Node[]): Promise<void> {
    for (const { id } of nodes) await this.#deps.memory?.released.delete(`${id}/${name}`);
  }

  /** A node's volumes are noted durably: homes given to it need no word of their own any more. */
  noted(node: Node): void {
    const { memory, homes } = this.#deps;
    for (const name of [...(memory?.given.keys() ?? [])])
      if (this.#isListed(name, node) && homes.given(name)?.nodeId === node.id) void this.withdraw(undefined, [name]);
  }

  /** Forgets what is remembered of homes on a node that is given up. */
  async forgetNode(nodeId: string): Promise<void> {
    const { memory, homes } = this.#deps;
    for (const name of [...(memory?.given.keys() ?? [])])
      if (homes.given(name)?.nodeId === nodeId) await memory?.given.delete(name);
    for (const key of [...(memory?.released.keys() ?? [])])
      if (key.startsWith(`${nodeId}/`)) await memory?.released.delete(key);
  }

  #isListed(name: string, node: Node): boolean {
    return this.#deps.cluster.volumes.get(name)?.holders.has(node) ?? false;
  }
}
