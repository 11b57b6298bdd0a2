import type { Cluster } from '../cluster/cluster.ts';
import type { Node } from '../cluster/node.ts';
import type { EngineInfo } from '../engine/types.ts';

/** A clock further off than this is reported, in milliseconds. */
const CLOCK_TOLERANCE_MS = 2_000;

/** What a person should mend at a node that was just connected, a line each. */
export function nodeWarnings(node: Node, { ID, Name }: EngineInfo, cluster: Cluster): readonly string[] {
  const warnings: string[] = [];
  const offsetMs = node.clockOffsetMs;
  if (Math.abs(offsetMs) > CLOCK_TOLERANCE_MS)
    warnings.push(
      `node ${Name}: its clock is ${Math.round(offsetMs / 1000)} s off the manager's: synchronise it (NTP)`,
    );
  const twin = cluster.nodesNamed(Name).find((other) => other !== node);
  if (twin)
    warnings.push(`nodes ${node.entry} and ${twin.entry} are both called ${Name}: constraints on the name mean both`);
  if (node.id !== ID)
    warnings.push(
      `node ${Name}: its engine ID is also another node's (a cloned machine?): remove /etc/docker/key.json or engine-id and restart the engine`,
    );
  return warnings;
}
