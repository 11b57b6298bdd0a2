import pLimit from 'p-limit';
import type { Cluster } from '../cluster/cluster.ts';
import type { Node } from '../cluster/node.ts';
import type { Clock } from '../common/clock.ts';
import { reasonOf } from '../common/errors.ts';
import type { Logger } from '../common/logger.ts';
import type { DesiredState } from '../desired/desired-state.ts';
import type { MovePolicy } from '../desired/move-terms.ts';
import type { ContainerRecord } from '../desired/record.ts';
import type { AgentLeases } from '../fencing/agent-leases.ts';
import type { ContainerNetworks, ContainerVolumes } from '../lifecycle/deps.ts';
import { successorSpec } from '../lifecycle/move-successor.ts';
import { replacementOf } from '../lifecycle/replaced.ts';
import { isStrict } from '../lifecycle/surroundings.ts';
import type { Placer } from '../scheduler/placer.ts';
import { missingImage } from './image-sources.ts';
import { hindranceOf } from './movability.ts';
import { nodesOf, type Plan, type PlanReason } from './plan.ts';
import { planDrain } from './plan-drain.ts';
import { type Candidate, type PlanQuestions, planFailover } from './plan-failover.ts';
import { onStage } from './stage.ts';

/** Bodies read at a time. */
const READS_AT_ONCE = 32;

export interface PlanLostDeps {
  readonly cluster: Cluster;
  readonly desired: DesiredState;
  readonly placer: Placer<Node>;
  readonly networks: ContainerNetworks;
  readonly volumes: Pick<ContainerVolumes, 'homesOf' | 'homeOf' | 'moves'>;
  /** What vouches for the end of strict containers. */
  readonly leases: Pick<AgentLeases, 'never' | 'notYet' | 'refusals'>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Plans for records of nodes that are lost, taken for lost, or to be emptied, in the cluster as it is now. */
export async function planLost(
  deps: PlanLostDeps,
  policy: MovePolicy,
  reason: PlanReason,
  records: readonly ContainerRecord[],
): Promise<Plan> {
  const limit = pLimit(READS_AT_ONCE);
  // What is on a node to be emptied is copied from there.
  const gone = new Set(reason.kind === 'drain' ? [] : nodesOf(reason).map(({ id }) => id));
  const isGone = (nodeId: string): boolean => gone.has(nodeId);
  const candidates = await Promise.all(records.map((record) => limit(() => candidateOf(deps, policy, record, isGone))));
  const questions = questionsOf(deps, reason);
  return onStage(deps.cluster, deps.placer, (stage) => {
    const input = { candidates, policy, stage, questions };
    return reason.kind === 'drain' ? planDrain({ ...input, nodes: reason.nodes }) : planFailover({ ...input, reason });
  });
}

/** Bodies are read only of those that may move. */
async function candidateOf(
  deps: PlanLostDeps,
  policy: MovePolicy,
  record: ContainerRecord,
  isGone: (nodeId: string) => boolean,
): Promise<Candidate> {
  if (hindranceOf(record, policy)) return { record, spec: undefined };
  try {
    const { spec, images } = await successorSpec(deps, record);
    const lacks = missingImage(deps.cluster, { name: spec.image, recorded: images }, isGone);
    return { record, spec, ...(lacks !== undefined && { lacks }) };
  } catch (error) {
    deps.logger.warn(
      { container: record.name, reason: reasonOf(error) },
      'what a container was made from cannot be read',
    );
    return { record, spec: undefined };
  }
}

function questionsOf(
  { cluster, clock, desired, leases, networks, volumes }: PlanLostDeps,
  { kind }: PlanReason,
): PlanQuestions {
  return {
    idOf: (reference) => (cluster.findContainer(reference) ?? desired.index.byName(reference))?.id,
    homesOf: (spec, discardsData) => [
      ...(discardsData ? [] : volumes.homesOf(spec.volumes)),
      ...networks.homesOf(spec.networks),
    ],
    refusalsFor: (spec) =>
      new Map([...networks.refusalsFor(spec.networks), ...(isStrict(spec) ? leases.refusals() : [])]),
    spans: (spec) => networks.spans(spec.networks),
    notYet: (record, { labels }) => {
      const { id = '', terms } = record;
      const replacement = replacementOf(cluster, { id, labels }, clock.now());
      if (replacement) return { why: `${replacement.name} is about to replace it` };
      // Of a node that answers the old copy is ended first.
      if (!terms.isStrict || kind === 'drain') return undefined;
      if (kind !== 'drill') return leases.notYet(record);
      const why = leases.never(record);
      return why === undefined ? undefined : { why };
    },
  };
}
