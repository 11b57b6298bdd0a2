import type { VolumeSummary } from '../engine/types.ts';
import type { Home } from '../scheduler/types.ts';
import type { Cluster } from './cluster.ts';
import type { Node } from './node.ts';
import type { VolumeRecord } from './volume-records.ts';

/** Where volumes live: the model's listings and the homes given away since. */
export class VolumeHomes {
  readonly #cluster: Cluster;
  /** Homes given to volumes that engines do not list yet, with the number of containers that took them. */
  readonly #reserved = new Map<string, { readonly node: Node; users: number }>();

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  /**
   * The node a named volume lives on; undefined when it lives nowhere yet, or everywhere (a driver of global scope). Of
   * several copies (made before the engines were a cluster) the one in use is meant, else that of the first node by name.
   */
  homeOf(name: string): Node | undefined {
    const reserved = this.#reservation(name);
    if (reserved) return reserved.node;
    const holders = this.holders(name);
    if (holders.length < 2) return holders[0];
    return holders.find((node) => isUsedOn(node, name)) ?? holders[0];
  }

  /** Nodes that list a volume of local scope, by name. */
  holders(name: string): readonly Node[] {
    const held = this.#cluster.volumes.get(name);
    const nodes = [...(held?.holders ?? [])].flatMap(([node, volume]) => (isGlobal(volume) ? [] : node));
    return nodes.length < 2 ? nodes : nodes.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** The nodes named volumes live on, with reasons. */
  homesOf(names: readonly string[]): readonly Home[] {
    return names.flatMap((name) => {
      const node = this.homeOf(name);
      return node ? { nodeId: node.id, reason: `volume "${name}" lives there` } : [];
    });
  }

  /**
   * Gives those volumes that live nowhere yet a home on `node`, at once. It counts until an engine lists the volume, or
   * every container that took it was undone.
   */
  claim(node: Node, names: readonly string[]): { undo(): void } {
    const claimed = names.filter((name) => this.#reservation(name) !== undefined || this.#isNowhere(name));
    for (const name of claimed) {
      const reserved = this.#reserved.get(name) ?? { node, users: 0 };
      reserved.users += 1;
      this.#reserved.set(name, reserved);
    }
    let isHeld = true;
    return {
      undo: () => {
        if (!isHeld) return;
        isHeld = false;
        for (const name of claimed) this.#release(name);
      },
    };
  }

  /** Whether a container is being created on a volume that no engine lists yet. */
  isReserved(name: string): boolean {
    return this.#reservation(name) !== undefined;
  }

  /** A reservation that is still needed: its engine does not list the volume, and is in the cluster. */
  #reservation(name: string): { readonly node: Node; users: number } | undefined {
    const reserved = this.#reserved.get(name);
    if (!reserved) return undefined;
    const isListed = this.#cluster.volumes.get(name)?.holders.has(reserved.node) ?? false;
    if (!isListed && this.#cluster.nodes.includes(reserved.node)) return reserved;
    this.#reserved.delete(name);
    return undefined;
  }

  #release(name: string): void {
    const reserved = this.#reserved.get(name);
    if (!reserved) return;
    reserved.users -= 1;
    if (reserved.users <= 0) this.#reserved.delete(name);
  }

  #isNowhere(name: string): boolean {
    return this.#cluster.volumes.get(name) === undefined;
  }
}

/** Whether a volume is the same wherever it is mounted. */
export function isGlobal({ Scope }: VolumeSummary): boolean {
  return Scope === 'global';
}

/** Whether a container of a node mounts a volume; walks the node's containers, so only for volumes with several copies. */
function isUsedOn(node: Node, name: string): boolean {
  for (const container of node.containers.values()) {
    if (container.entry().Mounts?.some((mount) => mount.Type === 'volume' && mount.Name === name)) return true;
  }
  return false;
}

/** A volume without node, as clients see it. */
export function pendingSummary({ name, body, createdAt }: VolumeRecord): VolumeSummary {
  const { Driver, Labels, DriverOpts } = JSON.parse(body) as {
    readonly Driver?: string;
    readonly Labels?: Readonly<Record<string, string>> | null;
    readonly DriverOpts?: Readonly<Record<string, string>> | null;
  };
  return {
    CreatedAt: createdAt,
    Driver: Driver || 'local',
    Labels: Labels ?? null,
    Mountpoint: '',
    Name: name,
    Options: DriverOpts ?? null,
    Scope: 'local',
  };
}
