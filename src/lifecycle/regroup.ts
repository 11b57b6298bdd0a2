import type { Container } from '../cluster/container.ts';
import type { Node } from '../cluster/node.ts';
import { reasonOf, SchedulingError } from '../common/errors.ts';
import type { Expression } from '../scheduler/expression.ts';
import { matchesPattern } from '../scheduler/pattern.ts';
import { type Reservation, reservationFor } from '../scheduler/reservation.ts';
import type { PlacementRequest } from '../scheduler/types.ts';
import type { Member } from './drafts.ts';
import type { LifecycleContext } from './lifecycle.ts';
import { makeAnew } from './make-anew.ts';
import type { Place, Surroundings } from './place.ts';
import { type Ties, tiesOf } from './ties.ts';
import type { Wanted } from './wanted.ts';

/** A container to be made on the node that was chosen for it, and what it holds there until then. */
export interface Moving extends Member {
  readonly reservation: Reservation;
  /** The holder's key in the node's ledger. */
  readonly holder: string;
}

/** Where a container goes and what has to be made anew to be with it. */
export interface Regrouping {
  readonly node: Node;
  readonly moving: readonly Moving[];
  /** Volumes to be made on the node, with the nodes they are on. */
  readonly volumes: ReadonlyMap<string, Node>;
}

/**
 * A container that no node can take because of what it shares with others: where some of these are provisional, looks for a node that can
 * take all of them together. Decides, reserves and locks in the same turn, so that nothing comes between; throws `refusal` when there
 * is no such node. Resolves with the container's own placement when everything else is there.
 */
export function regroup(
  context: LifecycleContext,
  wanted: Wanted,
  surroundings: Surroundings,
  refusal: SchedulingError,
): Promise<Place> {
  const ties = tiesOf(context, wanted);
  const busy = context.traffic.createOf(ties.keys) ?? context.traffic.lockOn(ties.keys);
  if (busy) return busy.then(() => Promise.reject(new TryAgain()));
  const node = ties.members.size === 0 ? undefined : chooseFor(context, wanted, ties, surroundings);
  if (!node) return Promise.reject(refusal);
  const unlock = context.traffic.lock([...ties.keys]);
  const regrouping = reserve(context, ties, node);
  const placement = surroundings.begin(node);
  return carryOut(context, regrouping, placement, refusal).finally(unlock);
}

/** What the decision stood on has changed while it was waited for: it is to be made anew. */
export class TryAgain extends Error {}

async function carryOut(
  context: LifecycleContext,
  regrouping: Regrouping,
  placement: Place,
  refusal: SchedulingError,
): Promise<Place> {
  try {
    await makeAnew(context, regrouping);
    return placement;
  } catch (error) {
    placement.claim.undo();
    placement.release();
    const names = regrouping.moving.map(({ container }) => container.name).join(', ');
    context.logger.warn({ containers: names, reason: reasonOf(error) }, 'containers were not brought together');
    const message = `${refusal.message}; bringing ${names} to ${placement.node.name} failed: ${reasonOf(error)}`;
    throw new SchedulingError(message, refusal.code);
  } finally {
    for (const { holder } of regrouping.moving) placement.node.ledger.remove(holder);
  }
}

/** The node that can take the container and all its members. They stay where most of them would not have to move. */
function chooseFor(
  { cluster, placer }: LifecycleContext,
  wanted: Wanted,
  { members, homes }: Ties,
  { refused, replaced }: Surroundings,
): Node | undefined {
  const all = [...members.values()];
  const requests = all.map(({ draft }) => draft.wanted.parsed.request);
  if (keepApart(wanted, all)) return undefined;
  const isMember = (reference: string): boolean => members.has(cluster.findContainer(reference)?.id ?? '');
  const own = wanted.parsed.request;
  const request: PlacementRequest = {
    ...freed(own, isMember),
    memoryBytes: sum([own, ...requests].map(({ memoryBytes }) => memoryBytes)),
    nanoCpus: sum([own, ...requests].map(({ nanoCpus }) => nanoCpus)),
    ports: [own, ...requests].flatMap(({ ports }) => ports),
    homes,
    excluded: refused,
    replaces: new Set([...members.keys(), ...replaced.map(({ id }) => id)]),
    stays: mostCommon(all.map(({ container }) => container.nodeId)),
    companions: requests.map((each) => companion(freed(each, isMember), members)),
  };
  const containers: Container[] = [...all.map(({ container }) => container), ...replaced];
  const decision = cluster.withoutReservationsOf(containers, () => placer.decide(request));
  return decision.kind === 'placed' ? decision.node : undefined;
}

function reserve({ volumes }: LifecycleContext, { members, volumes: shared }: Ties, node: Node): Regrouping {
  const moving = [...members.values()]
    .filter(({ container }) => container.node !== node)
    .map((member) => {
      const holder = `moving-${member.draft.id}`;
      const reservation = reservationFor(member.draft.wanted.parsed.request, node);
      node.ledger.put(holder, reservation);
      return { ...member, holder, reservation };
    });
  const elsewhere = [...shared].flatMap((name) => {
    const home = volumes.homeOf(name);
    return home && home !== node ? [[name, home] as const] : [];
  });
  return { node, moving, volumes: new Map(elsewhere) };
}

/** A request without what binds it to members, who come along. */
function freed(request: PlacementRequest, isMember: (reference: string) => boolean): PlacementRequest {
  return {
    ...request,
    dependencies: request.dependencies.filter(({ container }) => !isMember(container)),
    affinities: request.affinities.filter(
      ({ key, operator, pattern }) =>
        !(key === 'container' && operator === '==' && pattern.kind === 'exact' && isMember(pattern.value)),
    ),
  };
}

/** What a member asks of the node beside resources and ports, which are asked for all together. */
function companion(request: PlacementRequest, members: Ties['members']): PlacementRequest {
  const isHard = ({ isSoft }: Expression): boolean => !isSoft;
  return {
    ...request,
    memoryBytes: 0,
    nanoCpus: 0,
    ports: [],
    constraints: request.constraints.filter(isHard),
    affinities: request.affinities.filter(isHard),
    replaces: new Set(members.keys()),
  };
}

/** Whether one of those that would come together wants to be away from another. */
function keepApart(wanted: Wanted, members: readonly Member[]): boolean {
  const all = [wanted, ...members.map(({ draft }) => draft.wanted)];
  return all.some(({ parsed }, i) =>
    parsed.request.affinities.some(
      (affinity) =>
        affinity.operator === '!=' && !affinity.isSoft && all.some((other, j) => i !== j && is(other, affinity)),
    ),
  );
}

function is({ name, labels }: Wanted, { key, pattern }: Expression): boolean {
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

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
