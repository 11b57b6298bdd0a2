import type { NodeView } from '../types.ts';
import type { Check, Filter } from './filter.ts';

const check: Check = checkFor(1);

function checkFor(count: number): Check {
  return {
    accepts: (node) => node.slots === undefined || node.containerCount + count <= node.slots,
    explain: (refused) => `all container slots are in use${limits(refused)}`,
  };
}

/** Nodes labelled `containerslots=N` take at most N containers. */
export const containerSlotsFilter: Filter = {
  name: 'containerslots',
  prepare: ({ companions }) => (companions === undefined ? check : checkFor(1 + companions.length)),
};

/** The limit an engine's labels set (`containerslots`); undefined when there is none or it is not a whole number. */
export function slotsOf(labels: ReadonlyMap<string, string>): number | undefined {
  const text = labels.get('containerslots');
  return text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}

function limits(refused: readonly NodeView[]): string {
  const slots = new Set(refused.map((node) => node.slots));
  return slots.size === 1 ? ` (label containerslots=${refused[0]?.slots})` : '';
}
