import pLimit from 'p-limit';
import { hindranceOf } from '../availability/movability.ts';
import type { PlannedCopy } from '../availability/plan.ts';
import { copiesOf, sizedCopies } from '../availability/planned-copies.ts';
import type { VolumeSizes } from '../availability/volume-sizes.ts';
import type { Cluster } from '../cluster/cluster.ts';
import type { Container } from '../cluster/container.ts';
import type { Clock } from '../common/clock.ts';
import { reasonOf } from '../common/errors.ts';
import { boundByBody } from '../desired/bindings.ts';
import type { ContainerSpec } from '../desired/container-spec.ts';
import type { DesiredState } from '../desired/desired-state.ts';
import type { MovePolicy } from '../desired/move-terms.ts';
import type { ContainerRecord } from '../desired/record.ts';
import type { ContainerNetworks, ContainerVolumes } from '../lifecycle/deps.ts';
import { successorSpec } from '../lifecycle/move-successor.ts';
import { carriedBy } from '../lifecycle/moving-mounts.ts';
import { replacementOf } from '../lifecycle/replaced.ts';
import { MOST_TOGETHER, VolumeSharing } from '../lifecycle/volume-sharing.ts';

/** Bodies read at a time. */
const READS_AT_ONCE = 32;

export interface SeenDeps {
  readonly cluster: Cluster;
  readonly desired: DesiredState;
  readonly networks: ContainerNetworks;
  readonly volumes: Pick<ContainerVolumes, 'homesOf' | 'homeOf' | 'moves'>;
  /** Of volumes that would go along. */
  readonly sizes: Pick<VolumeSizes, 'measure' | 'bytesPerSecond'>;
  readonly clock: Clock;
}

/** A container with what it would be made from elsewhere. */
export interface Seen {
  readonly container: Container;
  readonly record: ContainerRecord | undefined;
  readonly spec: ContainerSpec | undefined;
  readonly hindrance: string | undefined;
  /** Volumes whose content goes with it. */
  readonly copies: readonly PlannedCopy[];
  /** IDs of those that share volumes with it, and move as one with it. */
  readonly sharers: ReadonlySet<string>;
}

/** Looks at all containers of users. Reads bodies; volumes that would go along are measured. */
export async function seenContainers(deps: SeenDeps, policy: MovePolicy): Promise<readonly Seen[]> {
  const limit = pLimit(READS_AT_ONCE);
  const containers = [...deps.cluster.nodes.flatMap((node) => [...node.containers.values()])];
  const users = containers.filter(({ isOfSwarm }) => !isOfSwarm);
  const sharing = new VolumeSharing(deps.volumes.moves);
  const looked = await Promise.all(
    users.map((container) => limit(() => lookAt(deps, policy, container, sharing.with(container)))),
  );
  return sized(deps, looked);
}

async function sized({ sizes }: SeenDeps, seen: readonly Seen[]): Promise<readonly Seen[]> {
  const known = await sizes.measure(
    seen.flatMap(({ container, copies }) => (copies.length > 0 ? container.node.id : [])),
  );
  return seen.map((each) => ({ ...each, copies: sizedCopies(each.copies, known.get(each.container.node.id)) }));
}

async function lookAt(
  deps: SeenDeps,
  policy: MovePolicy,
  container: Container,
  sharers: readonly Container[],
): Promise<Seen> {
  const record = deps.desired.index.byId(container.id);
  const common = { container, record, sharers: new Set(sharers.map(({ id }) => id)) };
  const stays = (hindrance: string): Seen => ({ ...common, spec: undefined, hindrance, copies: [] });
  if (!record) return stays('nothing is recorded of it: it was not created through this cluster');
  try {
    const { spec } = await successorSpec(deps, record);
    return { ...common, spec, ...mobility(deps, policy, { container, sharers }, record, spec) };
  } catch (error) {
    return stays(`what it was made from cannot be read: ${reasonOf(error)}`);
  }
}

/** Why it stays, or what it takes along: volumes of its own go with it. */
function mobility(
  deps: SeenDeps,
  policy: MovePolicy,
  { container, sharers }: { readonly container: Container; readonly sharers: readonly Container[] },
  record: ContainerRecord,
  spec: ContainerSpec,
): Pick<Seen, 'hindrance' | 'copies'> {
  const { boundBy: _, ...terms } = record.terms;
  const isShared = sharers.length > 0;
  if (sharers.length >= MOST_TOGETHER) return staying(`more than ${MOST_TOGETHER} containers share volumes with it`);
  const own = hindranceOf({ ...record, terms }, policy);
  // What is idle goes along with those that it shares volumes with.
  if (own && !(own.isIdle && isShared && isAnyLively(deps, policy, sharers))) return staying(own.why);
  const isSharer = (reference: string): boolean => {
    const meant = deps.cluster.findContainer(reference);
    return sharers.some(({ id }) => id === meant?.id);
  };
  const { HostConfig } = spec.body as { readonly HostConfig?: unknown };
  const bound = terms.discardsData ? undefined : boundByBody(HostConfig, isSharer);
  if (bound !== undefined) return staying(`it is bound to its node by ${bound}`);
  const { id, labels } = container;
  const replacement = replacementOf(deps.cluster, { id, labels }, deps.clock.now());
  if (replacement) return staying(`${replacement.name} is about to replace it`);
  if (terms.discardsData && !isShared) return { hindrance: undefined, copies: [] };
  const companions = new Set(sharers.flatMap((each) => deps.desired.index.byId(each.id)?.key ?? []));
  const carried = carriedBy(deps, { record, spec, container, companions });
  return typeof carried === 'string' ? staying(carried) : { hindrance: undefined, copies: copiesOf(carried) };
}

function staying(hindrance: string): Pick<Seen, 'hindrance' | 'copies'> {
  return { hindrance, copies: [] };
}

/** Whether one of them may move, and so needs the others' volumes elsewhere. */
function isAnyLively({ desired }: SeenDeps, policy: MovePolicy, sharers: readonly Container[]): boolean {
  return sharers.some(({ id }) => {
    const record = desired.index.byId(id);
    if (!record) return false;
    const { boundBy: _, ...terms } = record.terms;
    return hindranceOf({ ...record, terms }, policy) === undefined;
  });
}
