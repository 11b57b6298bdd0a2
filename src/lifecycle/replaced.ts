import type { Cluster } from '../cluster/cluster.ts';
import type { Container } from '../cluster/container.ts';
import { isOneOff, NUMBER_LABEL, PROJECT_LABEL, SERVICE_LABEL } from '../common/compose-labels.ts';

/** Set by Compose 2 on what it creates in place of a container: the old one's ID, in later versions its name. */
const REPLACES_LABEL = 'com.docker.compose.replace';
/** Which replica of which service of which project a container is. */
const REPLICA_LABELS = [PROJECT_LABEL, SERVICE_LABEL, NUMBER_LABEL] as const;

/** A replacement that was not started after this long was given up, in milliseconds. */
const GIVEN_UP_MS = 120_000;

const NONE: readonly Container[] = [];

/**
 * The containers a new one is created to replace: they go as soon as it is there. Compose 2 says so in a label while the old one
 * still runs; 1.29 stops the old one and renames it to `<short ID>_<name>` first. What a recreate that was given up left behind of
 * the same replica counts as replaced too.
 */
export function replacedBy(
  cluster: Cluster,
  name: string | undefined,
  labels: Readonly<Record<string, string>>,
): readonly Container[] {
  const isReplacement = REPLACES_LABEL in labels;
  if (!isReplacement && !(PROJECT_LABEL in labels)) return NONE;
  const replica = sameReplica(cluster, labels);
  if (isReplacement) return replica.length > 0 ? replica : meant(cluster, labels[REPLACES_LABEL] ?? '');
  return replica.some((each) => each.name === `${each.id.slice(0, 12)}_${name}`) ? replica : NONE;
}

/**
 * The container that is about to replace one with this ID and these labels: created with Compose 2's label, and not started yet. The old one
 * goes as soon as its client sees to that. Undefined when nothing replaces it, or the replacement was given up.
 */
export function replacementOf(
  cluster: Cluster,
  { id, labels }: { readonly id: string; readonly labels: Readonly<Record<string, string>> },
  nowMs: number,
): Container | undefined {
  const named = cluster.containersWithLabel(REPLACES_LABEL, id).containers;
  return [...named, ...sameReplica(cluster, labels)].find((each) => {
    if (each.id === id || each.state !== 'created' || !(REPLACES_LABEL in each.labels)) return false;
    return each.createdSeconds * 1_000 - each.node.clockOffsetMs >= nowMs - GIVEN_UP_MS;
  });
}

function sameReplica(cluster: Cluster, labels: Readonly<Record<string, string>>): readonly Container[] {
  if (isOneOff(labels) || !REPLICA_LABELS.every((label) => labels[label])) return NONE;
  const found = REPLICA_LABELS.map((label) => cluster.containersWithLabel(label, labels[label]));
  const [rarest] = found.sort((a, b) => a.count - b.count);
  if (!rarest || rarest.count === 0) return NONE;
  return [...rarest.containers].filter(
    (each) => !isOneOff(each.labels) && REPLICA_LABELS.every((label) => each.labels[label] === labels[label]),
  );
}

/** By full ID only: a name could be another container's by now. */
function meant(cluster: Cluster, id: string): readonly Container[] {
  const found = /^[0-9a-f]{64}$/.test(id) ? cluster.findContainer(id) : undefined;
  return found ? [found] : NONE;
}
