import type { ClusterView, NodeView } from '../types.ts';

/** A node's name for messages; its ID when it is not in the cluster (any more). Walks the nodes: for refusals only. */
export function nodeName(cluster: ClusterView, nodeId: string): string {
  return cluster.nodes.find((node) => node.id === nodeId)?.name ?? nodeId;
}

/** `bee-1, bee-2, bee-3 and 4 more`. */
export function nodeNames(nodes: readonly NodeView[]): string {
  const shown = nodes.slice(0, 3).map((node) => node.name);
  const rest = nodes.length - shown.length;
  return rest > 0 ? `${shown.join(', ')} and ${rest} more` : shown.join(', ');
}

/** Bytes in the units `docker run --memory` takes. */
export function bytesText(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  let value = Math.max(0, bytes);
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${Number(value.toFixed(2))} ${units[unit]}`;
}
