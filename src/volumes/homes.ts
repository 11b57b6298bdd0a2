import type { AbsentVolume } from '../cluster/absent-nodes.ts';
import type { Cluster } from '../cluster/cluster.ts';
import type { Node } from '../cluster/node.ts';
import type { VolumeSummary } from '../engine/types.ts';
import type { RecordView } from '../kv/record-view.ts';
import type { Home } from '../scheduler/types.ts';
import type { GivenHome, VolumeRecord } from './records.ts';

/** Words of {@link HomeMemory.released}, beside the empty one of what a client let go: a copy that is being made, and one that was left behind. */
export const COPY_WORD = 'copy';
export const SOURCE_WORD = 'source';

/** What is remembered of homes beyond the model; the manager's records fit. */
export interface HomeMemory {
  /** A volume on a node that left. */
  absentVolume(name: string): AbsentVolume | undefined;
  /** Homes that were given and are not noted with their node's volumes yet, by volume. */
  readonly given: RecordView<GivenHome>;
  /**
   * Copies that are not meant, as `node ID/volume`, when there is another one: let go while their node was away (empty), or of a move, see
   * {@link COPY_WORD} and {@link SOURCE_WORD}.
   */
  readonly released: RecordView<string>;
}

/** Where a volume lives that cannot be used at present. */
export interface LostHome {
  readonly nodeName: string;
  /** What became of the node, as in "which …". */
  readonly why: string;
}

/** Where volumes live: the model's listings, the homes given away since, and what is remembered of nodes that left. */
export class VolumeHomes {
  readonly #cluster: Cluster;
  readonly #memory: HomeMemory | undefined;
  /** Homes given to volumes that engines do not list yet, with the number of containers that took them. */
  readonly #reserved = new Map<string, { readonly node: Node; users: number }>();

  constructor(cluster: Cluster, memory?: HomeMemory) {
    this.#cluster = cluster;
    this.#memory = memory;
  }

  /**
   * The node a named volume lives on; undefined when it lives nowhere yet, or everywhere (a driver of global scope). Of
   * several copies (made before the engines were a cluster) the one in use is meant, else that of the first node by name.
   */
  homeOf(name: string): Node | undefined {
    const reserved = this.#reservation(name);
    if (reserved) return reserved.node;
    const holders = this.#settledHolders(name);
    if (holders.length === 0) return this.#givenHome(name);
    if (holders.length === 1) return holders[0];
    const meant = holders.filter((node) => this.#said(node, name) === undefined);
    return meant.find((node) => isUsedOn(node, name)) ?? meant[0] ?? holders[0];
  }

  /** Without copies that are being made, and without sources that a copy took the place of. */
  #settledHolders(name: string): readonly Node[] {
    const holders = this.holders(name);
    const others = holders.filter((node) => this.#said(node, name) !== COPY_WORD);
    if (others.length === 0 || others.some((node) => this.#said(node, name) !== SOURCE_WORD)) return others;
    const copies = holders.filter((node) => this.#said(node, name) === COPY_WORD);
    if (copies.length > 0) return copies;
    // What took its place may be on a node that left; gone for good, it gives the name back.
    return this.#memory?.absentVolume(name) ? [] : others;
  }

  /** Whether a node has it because of a move: as the copy that is being made, or as the source that was left. */
  isOfMove(node: Node, name: string): boolean {
    return Boolean(this.#said(node, name));
  }

  #said({ id }: Node, name: string): string | undefined {
    return this.#memory?.released.get(`${id}/${name}`);
  }

  /** Why a volume that has a home cannot be used now; undefined when it can, or has none. */
  lostHome(name: string): LostHome | undefined {
    const home = this.homeOf(name);
    if (home)
      return home.isHealthy
        ? undefined
        : { nodeName: home.name, why: `is ${home.state.toLowerCase()}: ${home.reason}` };
    const absent = this.#memory?.absentVolume(name);
    if (absent) return { nodeName: absent.nodeName, why: `is gone: ${absent.why}` };
    const given = this.given(name);
    if (!given || this.#cluster.node(given.nodeId)) return undefined;
    return { nodeName: given.nodeName, why: 'is not in the cluster any more' };
  }

  /** The node that was told to be a volume's home, if its listing has not shown the volume yet. */
  given(name: string): GivenHome | undefined {
    return this.#memory?.given.get(name);
  }

  /** A node that is there and does not list the volume was told in vain. */
  #givenHome(name: string): Node | undefined {
    const given = this.given(name);
    const node = given && this.#cluster.node(given.nodeId);
    return node?.isHealthy ? undefined : node;
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
      return node ? { nodeId: node.id, reason: `volume "${name}" lives on ${node.name}` } : [];
    });
  }

  /**
   * Gives those volumes that live nowhere yet a home on `node`, at once. It counts until an engine lists the volume, or
   * every container that took it was undone.
   */
  claim(node: Node, names: readonly string[]): { readonly names: readonly string[]; undo(): void } {
    const claimed = names.filter((name) => this.#reservation(name) !== undefined || this.#isNowhere(name));
    for (const name of claimed) {
      const reserved = this.#reserved.get(name) ?? { node, users: 0 };
      reserved.users += 1;
      this.#reserved.set(name, reserved);
    }
    let isHeld = true;
    return {
      names: claimed,
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
