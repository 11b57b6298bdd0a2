import type { Cluster } from '../../cluster/cluster.ts';
import type { Node } from '../../cluster/node.ts';
import type { DiskUsage, ImageSummary, VolumeSummary } from '../../engine/types.ts';
import { renderEntry } from './container-entry.ts';
import { mergeImages } from './image-list.ts';
import type { NameStyle } from './name-style.ts';

/** What a merged answer needs beside the engines' own. */
export interface UsageDeps {
  readonly cluster: Cluster;
  /** The kinds the client asked for. */
  readonly wanted: ReadonlySet<string>;
  readonly style: NameStyle;
  readonly nowMs: number;
}

/**
 * The answer to `GET /system/df` of a cluster: every kind as its own listing shows it, sizes added up over the nodes, because a copy takes
 * its space on each.
 */
export function mergeUsage(usages: ReadonlyMap<Node, DiskUsage>, context: UsageDeps): object {
  const { wanted } = context;
  const layers = [...usages.values()].reduce((sum, { LayersSize }) => sum + (LayersSize ?? 0), 0);
  return {
    LayersSize: wanted.has('image') ? layers : 0,
    Images: wanted.has('image') ? mergedImages(usages, context.cluster) : null,
    Containers: wanted.has('container') ? mergedContainers(usages, context) : null,
    Volumes: wanted.has('volume') ? mergedVolumes(usages) : null,
    BuildCache: wanted.has('build-cache') ? [...usages.values()].flatMap(({ BuildCache }) => BuildCache ?? []) : null,
  };
}

function mergedImages(usages: ReadonlyMap<Node, DiskUsage>, cluster: Cluster): object[] {
  const records = new Map<string, { readonly id: string; readonly holders: Map<Node, ImageSummary> }>();
  for (const [node, { Images }] of usages) {
    for (const summary of Images ?? []) {
      const record = records.get(summary.Id) ?? { id: summary.Id, holders: new Map() };
      record.holders.set(node, summary);
      records.set(summary.Id, record);
    }
  }
  return mergeImages(cluster, records.values()).map((entry) => {
    const copies = [...(records.get(entry.Id)?.holders.values() ?? [])];
    const shared = copies.map(({ SharedSize }) => SharedSize ?? -1);
    return {
      ...entry,
      Size: sum(copies.map(({ Size }) => Size)),
      SharedSize: shared.every((size) => size >= 0) ? sum(shared) : -1,
    };
  });
}

/** As `GET /containers/json` lists them, with the engine's sizes. */
function mergedContainers(usages: ReadonlyMap<Node, DiskUsage>, { style, nowMs }: UsageDeps): object[] {
  const entries: { readonly Created: number }[] = [];
  for (const [node, { Containers }] of usages) {
    for (const { Id, SizeRw, SizeRootFs } of Containers ?? []) {
      const container = node.containers.get(Id);
      if (!container) continue; // Gone meanwhile, or to be listed in a moment.
      entries.push({ ...JSON.parse(renderEntry(container, style, nowMs).text), SizeRw, SizeRootFs });
    }
  }
  return entries.sort((a, b) => b.Created - a.Created);
}

function mergedVolumes(usages: ReadonlyMap<Node, DiskUsage>): VolumeSummary[] {
  const volumes = new Map<string, VolumeSummary>();
  for (const { Volumes } of usages.values()) {
    for (const volume of Volumes ?? []) {
      const other = volumes.get(volume.Name);
      volumes.set(volume.Name, other ? { ...other, UsageData: added(other.UsageData, volume.UsageData) } : volume);
    }
  }
  return [...volumes.values()].sort((a, b) => (a.Name < b.Name ? -1 : 1));
}

/** -1 is what an engine does not know. */
function added(a: VolumeSummary['UsageData'], b: VolumeSummary['UsageData']): NonNullable<VolumeSummary['UsageData']> {
  const both = (x = -1, y = -1): number => (x < 0 || y < 0 ? Math.max(x, y) : x + y);
  return {
    Size: both(a?.Size ?? -1, b?.Size ?? -1),
    RefCount: both(a?.RefCount ?? -1, b?.RefCount ?? -1),
  };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
