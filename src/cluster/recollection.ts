import type { ContainerSummary } from '../engine/types.ts';
import type { NotedContainer } from './held-notes.ts';

/**
 * What a node that is not reached has on it. Notes of it are written in the background and lag behind what clients were answered; records do
 * not, so they have the last word.
 */
export interface Recollection {
  /** The containers to be shown on a node, given those that were noted of it. Rejects when they cannot be read. */
  containersOn(nodeId: string, noted: readonly NotedContainer[]): Promise<readonly ContainerSummary[]>;
}

/** No container has a record. */
export const NOTES_ALONE: Recollection = {
  containersOn: async (_, noted) => noted.map(({ summary }) => summary),
};
