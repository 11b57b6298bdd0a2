import type { SubstrateSight } from './types.ts';

/** What another manager of the cluster answered; those that did not answer are left out. */
export interface OtherSight extends SubstrateSight {
  /** `host:port`. */
  readonly manager: string;
}

/**
 * Why a manager may not make a new quorum of the substrate from one survivor, in words; undefined when it may: it sees at least half of the
 * nodes that were last known healthy (`isCertain`: it knows otherwise that it is not cut off), and of the other managers that answer none sees a
 * leader, or more nodes than it does. One that does not answer sees nothing, as far as is known: it may be gone with the managers of the
 * substrate, and what it could do is done under the lease alone. Pure.
 */
export function objectionTo(
  own: SubstrateSight,
  others: readonly OtherSight[],
  isCertain: boolean,
): string | undefined {
  if (2 * own.answering < own.nodes && !isCertain)
    return `${own.answering} of ${own.nodes} nodes that were healthy answer, so this manager may be the one that is cut off. It makes one when half of them are back, or after 'enxame failover resume'`;
  const leading = others.find(({ hasLeader }) => hasLeader);
  if (leading) return `the manager ${leading.manager} sees them with a leader, this one does not`;
  const wider = others.find(({ answering }) => answering > own.answering);
  if (wider)
    return `the manager ${wider.manager} sees ${wider.answering} nodes, this one ${own.answering}. The one that sees more should be the primary`;
  return undefined;
}
