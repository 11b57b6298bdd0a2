import pLimit from 'p-limit';
import type { Container } from '../cluster/container.ts';
import type { Node } from '../cluster/node.ts';
import { healthOf } from '../cluster/status.ts';
import { boundByBody } from '../desired/bindings.ts';
import type { ContainerSpec } from '../desired/container-spec.ts';
import type { MovePolicy } from '../desired/move-terms.ts';
import type { ContainerRecord } from '../desired/record.ts';
import { successorSpec } from '../lifecycle/move-successor.ts';
import { carriedBy, refusalsOfVolumes } from '../lifecycle/moving-mounts.ts';
import { replacementOf } from '../lifecycle/replaced.ts';
import { isStrict } from '../lifecycle/surroundings.ts';
import { MOST_TOGETHER, VolumeSharing } from '../lifecycle/volume-sharing.ts';
import { fieldsOf } from '../scheduler/json.ts';
import { estimateOf } from './estimate.ts';
import { hindranceOf } from './movability.ts';
import type { PlannedStay } from './plan.ts';
import type { PlanLostDeps } from './plan-lost.ts';
import { type MoveCandidate, type MoveQuestions, placeOf, plannedOf } from './plan-move.ts';
import { copiesOf, distinctCopies, sizedCopies } from './planned-copies.ts';
import type { VolumeSizes } from './volume-sizes.ts';

/** Bodies read at a time. */
const READS_AT_ONCE = 32;

export interface LiveDeps extends PlanLostDeps {
  readonly sizes: VolumeSizes;
}

/** What may be moved of some containers, and why the others stay. */
export interface LiveCandidates {
  readonly candidates: readonly MoveCandidate[];
  readonly stays: readonly PlannedStay[];
}

export interface LiveOptions {
  /** What has no leave to move by itself stays; undefined when a person names the containers. */
  readonly policy?: MovePolicy;
  /** Whether volumes come along; without, what has some stays. */
  readonly carries: boolean;
  /** Whether containers that share volumes are moved as one, those that nobody named with them; without, they stay. */
  readonly together: boolean;
}

/** A container that is asked about, with what it shares. */
interface Asked {
  readonly container: Container;
  /** Those that share volumes with it, when they move as one. */
  readonly sharers: readonly Container[];
  /** One of those, when that was named and this was not. */
  readonly namedWith?: Container | undefined;
}

/** Looks what may be moved of containers whose nodes are healthy. Reads bodies; volumes are measured where they would come along. */
export async function liveCandidates(
  deps: LiveDeps,
  containers: readonly Container[],
  options: LiveOptions,
): Promise<LiveCandidates> {
  const limit = pLimit(READS_AT_ONCE);
  const asked = options.together ? withSharers(deps, containers) : containers.map((each) => alone(each));
  const found = await Promise.all(asked.map((each) => limit(() => candidateOf(deps, each, options))));
  const judged = allOrNone(asked, found);
  const candidates = judged.flatMap((each) => ('why' in each ? [] : [each]));
  const sizes = await deps.sizes.measure(
    candidates.filter(({ copies }) => copies.length > 0).map(({ from }) => from.id),
  );
  const sized = candidates.map((each) => ({ ...each, copies: sizedCopies(each.copies, sizes.get(each.from.id)) }));
  return {
    candidates: sized.map((each) => {
      const { record, sharers = [] } = each;
      const unit = sized.filter((other) => other.record.key === record.key || sharers.includes(other.record.id ?? ''));
      const copies = distinctCopies(unit.flatMap((other) => other.copies));
      return { ...each, estimate: estimateOf(copies, deps.sizes.bytesPerSecond) };
    }),
    stays: judged.flatMap((each) => ('why' in each ? [each] : [])),
  };
}

function alone(container: Container): Asked {
  return { container, sharers: [] };
}

/** Containers with those that share volumes with them. */
function withSharers({ volumes }: LiveDeps, named: readonly Container[]): readonly Asked[] {
  const sharing = new VolumeSharing(volumes.moves);
  const asked = new Map<string, Asked>();
  for (const container of named) asked.set(container.id, { container, sharers: sharing.with(container) });
  for (const { container, sharers } of [...asked.values()])
    for (const each of sharers)
      if (!asked.has(each.id))
        asked.set(each.id, { container: each, sharers: sharing.with(each), namedWith: container });
  return [...asked.values()];
}

/** Of those that share volumes all move, or none does. */
function allOrNone(
  asked: readonly Asked[],
  found: readonly (MoveCandidate | PlannedStay)[],
): readonly (MoveCandidate | PlannedStay)[] {
  const hindrances = new Map<string, string>();
  for (const [index, { container }] of asked.entries()) {
    const each = found[index];
    if (each && 'why' in each) hindrances.set(container.id, each.why);
  }
  return found.map((each, index) => {
    const { sharers = [] } = asked[index] ?? {};
    const holder = sharers.find(({ id }) => hindrances.has(id));
    if ('why' in each || !holder) return each;
    const why = `it shares volumes with ${holder.name}, which stays: ${hindrances.get(holder.id)}`;
    return { ...placeOf(each), why, waits: false };
  });
}

/** The questions of a planner of moves, answered by the cluster as it is. */
export function liveQuestions(deps: LiveDeps): MoveQuestions {
  const { cluster, leases, networks, volumes } = deps;
  return {
    idOf: (reference) => cluster.findContainer(reference)?.id,
    nameOf: (id) => cluster.findContainer(id)?.name ?? id,
    homesOf: ({ spec, copies, record }) => {
      const carried = new Set(copies.map(({ volume }) => volume));
      const others = record.terms.discardsData ? [] : spec.volumes.filter((name) => !carried.has(name));
      return [...volumes.homesOf(others), ...networks.homesOf(spec.networks)];
    },
    refusalsFor: ({ spec, copies }) =>
      new Map([
        ...networks.refusalsFor(spec.networks),
        ...(isStrict(spec) ? leases.refusals() : []),
        ...refusalsOfVolumes(deps, copies, cluster.nodes),
      ]),
    spans: (spec) => networks.spans(spec.networks),
  };
}

async function candidateOf(
  deps: LiveDeps,
  { container, sharers, namedWith }: Asked,
  { policy, carries }: LiveOptions,
): Promise<MoveCandidate | PlannedStay> {
  const { node } = container;
  const from = { id: node.id, name: node.name };
  const record = deps.desired.index.byId(container.id);
  const named = record ? plannedOf(record) : { key: '', id: container.id, name: container.name };
  const stays = (why: string): PlannedStay => ({ container: named, node: from, why, waits: false });
  if (!record) return stays('nothing is recorded of it: it was not created through this cluster');
  if (!node.isHealthy) return stays(`${node.name} is not healthy: ${node.reason}`);
  if (record.move) return stays(`it is being moved to ${nameOfNode(deps, record.move.to.nodeId)} already`);
  if (sharers.length >= MOST_TOGETHER) return stays(`more than ${MOST_TOGETHER} containers share volumes with it`);
  const isShared = sharers.length > 0;
  const hindrance =
    policy === undefined ? ownHindrance(record, isShared) : leaveOf(record, policy, { carries, isShared });
  if (hindrance !== undefined) return stays(hindrance);
  const { spec } = await successorSpec(deps, record);
  const why = stayOf(deps, container, spec, sharers);
  if (why !== undefined) return stays(why);
  const companions = new Set(sharers.flatMap(({ id }) => deps.desired.index.byId(id)?.key ?? []));
  const carried = carriedBy(deps, { record, spec, container, companions });
  if (typeof carried === 'string') return stays(carried);
  if (carried.length > 0 && !carries)
    return stays(`it has data in ${carried.map(({ volume }) => `volume "${volume.slice(0, 12)}"`).join(', ')}`);
  return {
    record,
    spec,
    from,
    isWell: isWell(container),
    copies: copiesOf(carried),
    dependents: dependentsOf(container),
    estimate: {},
    ...(isShared && { sharers: sharers.map(({ id }) => id) }),
    ...(namedWith && { because: `it shares volumes with ${namedWith.name}` }),
  };
}

function nameOfNode({ cluster }: LiveDeps, id: string): string {
  return cluster.node(id)?.name ?? id;
}

/** What no person can want of it while it is moved. One that has finished goes along with those that it shares volumes with. */
function ownHindrance({ terms, ended }: ContainerRecord, isShared: boolean): string | undefined {
  if (terms.isTransient) return 'it is a one-off container, which is never made a second time';
  return ended && !isShared ? `it has finished with exit code ${ended.exitCode}` : undefined;
}

/** Why it has no leave to move by itself; data is no reason where that comes along, nor that it is idle where others need its volumes. */
function leaveOf(
  record: ContainerRecord,
  policy: MovePolicy,
  { carries, isShared }: { readonly carries: boolean; readonly isShared: boolean },
): string | undefined {
  const { boundBy: _, ...terms } = record.terms;
  const hindrance = hindranceOf(carries ? { ...record, terms } : record, policy);
  if (hindrance?.isIdle && isShared) return ownHindrance(record, isShared);
  return hindrance?.why;
}

function stayOf(
  { cluster, clock }: LiveDeps,
  { id }: Container,
  { labels, body }: ContainerSpec,
  sharers: readonly Container[],
): string | undefined {
  const replacement = replacementOf(cluster, { id, labels }, clock.now());
  if (replacement) return `${replacement.name} is about to replace it`;
  const comesAlong = (reference: string): boolean => {
    const meant = cluster.findContainer(reference);
    return sharers.some((each) => each.id === meant?.id);
  };
  const bound = boundByBody(fieldsOf(body).HostConfig, comesAlong);
  return bound && labels['io.enxame.data'] !== 'discard' ? `it is bound to its node by ${bound}` : undefined;
}

export function isWell({ state, status }: Container): boolean {
  return state === 'running' && healthOf(status) !== 'unhealthy' && healthOf(status) !== 'starting';
}

/** IDs of containers on its node that use its network. */
function dependentsOf({ node, engineId, id }: Container & { readonly node: Node }): readonly string[] {
  return [...node.containers.values()].flatMap((each) => {
    const mode = each.entry().HostConfig?.NetworkMode;
    return mode === `container:${engineId}` || mode === `container:${id}` ? each.id : [];
  });
}
