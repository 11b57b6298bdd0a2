import type { Container } from '../cluster/container.ts';
import type { Node } from '../cluster/node.ts';
import { reasonOf, SchedulingError } from '../common/errors.ts';
import type { ContainerSpec } from '../desired/container-spec.ts';
import type { Expression } from '../scheduler/expression.ts';
import { jointRequest } from '../scheduler/joint-request.ts';
import { matchesPattern } from '../scheduler/pattern.ts';
import { reservationFor } from '../scheduler/reservation.ts';
import type { PlacementRequest } from '../scheduler/types.ts';
import type { ProvisionalDeps } from './deps.ts';
import type { Member } from './drafts.ts';
import { makeAnew, type Regrouping } from './make-anew.ts';
import type { ClaimedPlacement, Surroundings } from './surroundings.ts';
import { type Ties, tiesOf } from './ties.ts';

/**
 * A container that no node can take because of what it shares with others: where some of these are provisional, looks for a node that can
 * take all of them together. Decides, reserves and locks in the same turn, so that nothing comes between; throws `refusal` when there
 * is no such node. Resolves with the container's own placement when everything else is there.
 */
export function regroup(
  deps: ProvisionalDeps,
  spec: ContainerSpec,
  surroundings: Surroundings,
  refusal: SchedulingError,
): Promise<ClaimedPlacement> {
  const ties = tiesOf(deps, spec);
  const busy = deps.traffic.createOf(ties.keys) ?? deps.traffic.lockOn(ties.keys);
  if (busy) return busy.then(() => Promise.reject(new TryAgain()));
  const node = ties.members.size === 0 ? undefined : chooseFor(deps, spec, ties, surroundings);
  if (!node) return Promise.reject(refusal);
  const unlock = deps.traffic.lock([...ties.keys]);
  const regrouping = reserve(deps, ties, node);
  const placement = surroundings.begin(node);
  return carryOut(deps, regrouping, placement, refusal).finally(unlock);
}

/** What the decision stood on has changed while it was waited for: it is to be made anew. */
export class TryAgain extends Error {}

async function carryOut(
  deps: ProvisionalDeps,
  regrouping: Regrouping,
  placement: ClaimedPlacement,
  refusal: SchedulingError,
): Promise<ClaimedPlacement> {
  try {
    await makeAnew(deps, regrouping);
    return placement;
  } catch (error) {
    placement.claim.undo();
    placement.release();
    const names = regrouping.moving.map(({ container }) => container.name).join(', ');
    deps.logger.warn({ containers: names, reason: reasonOf(error) }, 'containers were not moved to a common node');
    const message = `${refusal.message}; moving ${names} to ${placement.node.name} failed: ${reasonOf(error)}`;
    throw new SchedulingError(message, refusal.code);
  } finally {
    for (const { holder } of regrouping.moving) placement.node.ledger.remove(holder);
  }
}

/** The node that can take the container and all its members. They stay where most of them would not have to move. */
function chooseFor(
  { cluster, placer }: ProvisionalDeps,
  spec: ContainerSpec,
  { members, homes }: Ties,
  { refused, replaced }: Surroundings,
): Node | undefined {
  const all = [...members.values()];
  const requests = all.map(({ draft }) => draft.spec.placement);
  if (keepApart(spec, all)) return undefined;
  const isMember = (reference: string): boolean => members.has(cluster.findContainer(reference)?.id ?? '');
  const request: PlacementRequest = {
    ...jointRequest([spec.placement, ...requests], isMember, new Set(members.keys())),
    homes,
    excluded: refused,
    replaces: new Set([...members.keys(), ...replaced.map(({ id }) => id)]),
    stays: mostCommon(all.map(({ container }) => container.nodeId)),
  };
  const containers: Container[] = [...all.map(({ container }) => container), ...replaced];
  const decision = cluster.withoutReservationsOf(containers, () => placer.decide(request));
  return decision.kind === 'placed' ? decision.node : undefined;
}

function reserve({ volumes }: ProvisionalDeps, { members, volumes: shared }: Ties, node: Node): Regrouping {
  const moving = [...members.values()]
    .filter(({ container }) => container.node !== node)
    .map((member) => {
      const holder = `moving-${member.draft.id}`;
      const reservation = reservationFor(member.draft.spec.placement, node);
      node.ledger.put(holder, reservation);
      return { ...member, holder, reservation };
    });
  const elsewhere = [...shared].flatMap((name) => {
    const home = volumes.homeOf(name);
    return home && home !== node ? [[name, home] as const] : [];
  });
  return { node, moving, volumes: new Map(elsewhere) };
}

/** Whether one of those that would come together wants to be away from another. */
function keepApart(spec: ContainerSpec, members: readonly Member[]): boolean {
  const all = [spec, ...members.map(({ draft }) => draft.spec)];
  return all.some(({ placement }, i) =>
    placement.affinities.some(
      (affinity) =>
        affinity.operator === '!=' && !affinity.isSoft && all.some((other, j) => i !== j && is(other, affinity)),
    ),
  );
}

function is({ name, labels }: ContainerSpec, { key, pattern }: Expression): boolean {
  if (key === 'image') return false;
  const value = key === 'container' ? name : labels[key];
  return value !== undefined && matchesPattern(pattern, value);
}

function mostCommon(nodeIds: readonly string[]): ReadonlySet<string> {
  const counts = new Map<string, number>();
  for (const id of nodeIds) counts.set(id, (counts.get(id) ?? 0) + 1);
  const most = Math.max(...counts.values());
  return new Set([...counts].filter(([, count]) => count === most).map(([id]) => id));
}
