import type { VolumeSummary } from '../engine/types.ts';
import type { NodeRecord } from './node-record.ts';

/** A volume on a node that is no longer in the cluster. */
export interface AbsentVolume {
  readonly nodeName: string;
  /** What became of the node, in words. */
  readonly why: string;
  readonly summary: VolumeSummary;
}

/** A node that left with something on it. */
export interface AbsentNode {
  readonly record: NodeRecord;
  readonly containers: number;
  readonly volumes: readonly VolumeSummary[];
}

/** The nodes that are not in the cluster and hold something, and the volumes on them by name. */
export class AbsentNodes {
  readonly #nodes = new Map<string, AbsentNode>();
  readonly #volumes = new Map<string, AbsentVolume>();

  put(absent: AbsentNode): void {
    this.#nodes.set(absent.record.id, absent);
    this.#indexVolumes();
  }

  delete(nodeId: string): void {
    if (this.#nodes.delete(nodeId)) this.#indexVolumes();
  }

  all(): Iterable<AbsentNode> {
    return this.#nodes.values();
  }

  /** Whether a node is absent still, and was not changed. */
  has(absent: AbsentNode): boolean {
    return this.#nodes.get(absent.record.id) === absent;
  }

  /** Those of this ID, name or entry. */
  called(reference: string): readonly AbsentNode[] {
    return [...this.#nodes.values()].filter(
      ({ record }) => record.id === reference || record.info.Name === reference || record.entry === reference,
    );
  }

  /** Those that hold a volume, and what each holds beside it; one after the other, as they are when it is their turn. */
  *holding(volume: string): Generator<{ readonly absent: AbsentNode; readonly others: readonly VolumeSummary[] }> {
    for (const absent of this.#nodes.values()) {
      const others = absent.volumes.filter(({ Name }) => Name !== volume);
      if (others.length < absent.volumes.length) yield { absent, others };
    }
  }

  volume(name: string): AbsentVolume | undefined {
    return this.#volumes.get(name);
  }

  volumes(): readonly VolumeSummary[] {
    return [...this.#volumes.values()].map(({ summary }) => summary);
  }

  #indexVolumes(): void {
    this.#volumes.clear();
    for (const { record, volumes } of this.#nodes.values()) {
      const why = record.left?.why ?? 'it left discovery';
      for (const summary of volumes)
        if (summary.Scope !== 'global') this.#volumes.set(summary.Name, { nodeName: record.info.Name, why, summary });
    }
  }
}

/** What an absent node means for an operator, in one sentence. */
export function describeAbsent({ record, containers, volumes }: AbsentNode): string {
  const held = [
    ...(containers > 0 ? [`${containers} container${containers === 1 ? '' : 's'}`] : []),
    ...(volumes.length > 0 ? [`${volumes.length} volume${volumes.length === 1 ? '' : 's'}`] : []),
  ];
  const name = record.info.Name;
  return `node ${name} (${record.entry}) is gone with ${held.join(' and ')} on it: ${record.left?.why}; bring it back, or let them go with 'enxame forget ${name}'`;
}
