import type { NodeView, PlacementRequest } from '../types.ts';
import type { Check } from './filter.ts';
import { bytesText } from './words.ts';

/**
 * Memory and CPUs: reserved plus asked must fit into total × (1 + overcommit). What is not asked for is not
 * checked. Not a filter that can be switched off: no strategy may exceed a node's capacity.
 */
export function prepareResources(request: PlacementRequest, overcommit: number): Check | undefined {
  const { memoryBytes, nanoCpus } = request;
  if (memoryBytes === 0 && nanoCpus === 0) return undefined;
  const factor = 1 + overcommit;
  return {
    accepts: (node) =>
      (memoryBytes === 0 || node.reservedMemoryBytes + memoryBytes <= node.totalMemoryBytes * factor) &&
      (nanoCpus === 0 || node.reservedNanoCpus + nanoCpus <= node.totalNanoCpus * factor),
    explain: (refused) => explain(request, refused, factor),
  };
}

function explain({ memoryBytes, nanoCpus }: PlacementRequest, refused: readonly NodeView[], factor: number): string {
  const freeMemory = (node: NodeView): number => node.totalMemoryBytes * factor - node.reservedMemoryBytes;
  const freeCpus = (node: NodeView): number => node.totalNanoCpus * factor - node.reservedNanoCpus;
  const parts: string[] = [];
  if (memoryBytes > 0 && refused.some((node) => freeMemory(node) < memoryBytes)) {
    const best = roomiest(refused, freeMemory);
    parts.push(`${bytesText(memoryBytes)} of memory requested, at most ${bytesText(best.free)} free on ${best.name}`);
  }
  if (nanoCpus > 0 && refused.some((node) => freeCpus(node) < nanoCpus)) {
    const best = roomiest(refused, freeCpus);
    parts.push(`${cpusText(nanoCpus)} CPUs requested, at most ${cpusText(best.free)} free on ${best.name}`);
  }
  return parts.join(' and ');
}

function roomiest(nodes: readonly NodeView[], freeOf: (node: NodeView) => number): { name: string; free: number } {
  let best = { name: '', free: Number.NEGATIVE_INFINITY };
  for (const node of nodes) {
    const free = freeOf(node);
    if (free > best.free) best = { name: node.name, free };
  }
  return best;
}

/** Rounded down, so that what is shown as free is never more than there is. */
function cpusText(nanoCpus: number): string {
  return String(Math.floor(Math.max(0, nanoCpus) / 1e7) / 100);
}
