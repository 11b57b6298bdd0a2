import type { Cluster } from '../cluster/cluster.ts';
import type { DesiredState } from './desired-state.ts';
import type { ContainerRecord } from './record.ts';

/** Lets the model show what clients stopped while its node was away. Returns what ends it. */
export function showOwedStops(cluster: Cluster, desired: DesiredState): () => void {
  const show = (record: ContainerRecord | undefined, isOwed: boolean): void => {
    const { nodeId, engineId } = record?.current ?? {};
    const node = nodeId === undefined ? undefined : cluster.node(nodeId);
    if (node && engineId !== undefined) cluster.setStopOwed(node, engineId, isOwed);
  };
  const ends = [
    desired.subscribe(({ before, after }) => {
      if (before?.owedStop) show(before, false);
      if (after?.owedStop) show(after, true);
    }),
    // Of those that an earlier manager promised.
    cluster.subscribe((event) => {
      if (event.kind === 'node-added') for (const record of desired.index.owingOn(event.node.id)) show(record, true);
    }),
  ];
  return () => {
    for (const end of ends) end();
  };
}
