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
import { fieldsOf } from '../scheduler/json.ts';
import { estimateOf } from './estimate.ts';
import { hindranceOf } from './movability.ts';
import type { PlannedStay } from './plan.ts';
import type { PlanLostDeps } from './plan-lost.ts';
import { type MoveCandidate, type MoveQuestions, plannedOf } from './plan-move.ts';
import { copiesOf, sizedCopies } from './planned-copies.ts';
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
}

/** Looks what may be moved of containers whose nodes are healthy. Reads bodies; volumes are measured where they would come along. */
export async function liveCandidates(
  deps: LiveDeps,
  containers: readonly Container[],
  options: LiveOptions,
): Promise<LiveCandidates> {
  const limit = pLimit(READS_AT_ONCE);
  const found = await Promise.all(containers.map((each) => limit(() => candidateOf(deps, each, options))));
  const candidates = found.flatMap((each) => ('why' in each ? [] : [each]));
  const sizes = await deps.sizes.measure(
    candidates.filter(({ copies }) => copies.length > 0).map(({ from }) => from.id),
  );
  return {
    candidates: candidates.map((each) => {
      const copies = sizedCopies(each.copies, sizes.get(each.from.id));
      return { ...each, copies, estimate: estimateOf(copies, deps.sizes.bytesPerSecond) };
    }),
    stays: found.flatMap((each) => ('why' in each ? [each] : [])),
  };
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
  container: Container,
  { policy, carries }: LiveOptions,
): Promise<MoveCandidate | PlannedStay> {
  const { node } = container;
  const from = { id: node.id, name: node.name };
  const record = deps.desired.index.byId(container.id);
  const named = record ? plannedOf(record) : { key: '', id: container.id, name: container.name };
  const stays = (why: string): PlannedStay => ({ container: named, node: from, why, waits: false });
  if (!record) return stays('nothing is recorded of it: it was not created through this cluster');
  if (!node.isHealthy) return stays(`${node.name} is not healthy: ${node.reason}`);
  const hindrance = policy === undefined ? ownHindrance(record) : leaveOf(record, policy, carries);
  if (hindrance !== undefined) return stays(hindrance);
  const { spec } = await successorSpec(deps, record);
  const why = stayOf(deps, container, spec);
  if (why !== undefined) return stays(why);
  const carried = carriedBy(deps, { record, spec, container });
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
  };
}

/** What no person can want of it while it is moved. */
function ownHindrance({ terms, ended }: ContainerRecord): string | undefined {
  if (terms.isTransient) return 'it is a one-off container, which is never made a second time';
  return ended && `it has finished with exit code ${ended.exitCode}`;
}

/** Why it has no leave to move by itself; data is no reason where that comes along. */
function leaveOf(record: ContainerRecord, policy: MovePolicy, carries: boolean): string | undefined {
  const { boundBy: _, ...terms } = record.terms;
  return hindranceOf(carries ? { ...record, terms } : record, policy)?.why;
}

function stayOf({ cluster, clock }: LiveDeps, { id }: Container, { labels, body }: ContainerSpec): string | undefined {
  const replacement = replacementOf(cluster, { id, labels }, clock.now());
  if (replacement) return `${replacement.name} is about to replace it`;
  const bound = boundByBody(fieldsOf(body).HostConfig);
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
