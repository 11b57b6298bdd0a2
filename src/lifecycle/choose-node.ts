import type { Container } from '../cluster/container.ts';
import type { Node } from '../cluster/node.ts';
import type { Clock } from '../common/clock.ts';
import { BadRequestError, NotFoundError, SchedulingError } from '../common/errors.ts';
import type { ContainerSpec } from '../desired/container-spec.ts';
import type { Home, PlacementRequest } from '../scheduler/types.ts';
import type { ContainerNetworks, ProvisionalDeps } from './deps.ts';
import { regroup, TryAgain } from './regroup.ts';
import { type ClaimedPlacement, type Surroundings, surroundingsOf } from './surroundings.ts';
import { keysOf } from './traffic.ts';

/** How long a create that asks for resources waits until what the chosen node holds is known. */
const ACCOUNTING_WAIT_MS = 5_000;

/**
 * Resources and ports can only be judged when what the node holds already is known: right after the manager's start that
 * takes a moment, after which the choice is made anew. Choosing and recording are one synchronous step, so no other
 * create comes between. What nothing can take as it is may bring others along, see `regroup`.
 */
export async function chooseNode(
  deps: ProvisionalDeps,
  spec: ContainerSpec,
  excluded: ReadonlyMap<string, string>,
  signal: AbortSignal,
): Promise<ClaimedPlacement> {
  const { clock, cluster, traffic } = deps;
  const deadlineMs = clock.elapsed() + ACCOUNTING_WAIT_MS;
  const keys = keysOf(spec);
  for (;;) {
    await traffic.lockOn(keys);
    if (traffic.lockOn(keys)) continue;
    try {
      const choice = tryOnce(
        deps,
        spec,
        excluded,
        (node) => cluster.accounting.isPendingOn(node) && clock.elapsed() < deadlineMs,
      );
      if ('placement' in choice) return await choice.placement;
      await within(clock, cluster.accounting.settledOn(choice.unsettled), ACCOUNTING_WAIT_MS);
    } catch (error) {
      if (!(error instanceof TryAgain)) throw error;
    }
    signal.throwIfAborted();
  }
}

/** Either the placement, perhaps still to come, or a node whose reservations must be known first. */
type Choice = { readonly placement: ClaimedPlacement | Promise<ClaimedPlacement> } | { readonly unsettled: Node };

function tryOnce(
  deps: ProvisionalDeps,
  spec: ContainerSpec,
  excluded: ReadonlyMap<string, string>,
  isUnsettled: (node: Node) => boolean,
): Choice {
  const surroundings = surroundingsOf(deps, spec, excluded);
  try {
    const node = choose(deps, spec, surroundings);
    if (asksForResources(spec) && isUnsettled(node)) return { unsettled: node };
    return { placement: surroundings.begin(node) };
  } catch (error) {
    if (!(error instanceof SchedulingError) || !isTied(spec)) throw error;
    return { placement: regroup(deps, spec, surroundings, error) };
  }
}

function isTied({ volumes, placement }: ContainerSpec): boolean {
  return volumes.length > 0 || placement.dependencies.length > 0;
}

function choose(deps: ProvisionalDeps, spec: ContainerSpec, { refused, replaced }: Surroundings): Node {
  const { cluster, images, networks, placer, volumes } = deps;
  if (!images.isKnown(spec.image) && cluster.nodes.some((node) => node.isHealthy)) throw noSuchImage(spec.image);
  const homes: Home[] = [...volumes.homesOf(spec.volumes), ...networkHomes(networks, spec.networks)];
  const request = { ...spec.placement, homes, excluded: refused, ...succession(replaced) };
  return cluster.withoutReservationsOf(replaced, () => placer.choose(request));
}

/** A successor need not keep away from what it replaces, and stays where that was: its port's address, its images, its neighbours. */
function succession(replaced: readonly Container[]): Pick<PlacementRequest, 'replaces' | 'stays'> {
  if (replaced.length === 0) return {};
  return {
    replaces: new Set(replaced.map(({ id }) => id)),
    stays: new Set(replaced.map(({ nodeId }) => nodeId)),
  };
}

/** Not 404 for an unknown network: clients take that answer to a create for a missing image, and pull. */
function networkHomes(networks: ContainerNetworks, references: readonly string[]): readonly Home[] {
  try {
    return networks.homesOf(references);
  } catch (error) {
    if (!(error instanceof NotFoundError)) throw error;
    throw new BadRequestError(`${error.message}: create it first (docker network create)`, error.code, error);
  }
}

function asksForResources({ placement }: ContainerSpec): boolean {
  const { memoryBytes, nanoCpus, ports } = placement;
  return memoryBytes > 0 || nanoCpus > 0 || ports.length > 0;
}

async function within(clock: Clock, work: Promise<void>, ms: number): Promise<void> {
  const over = new AbortController();
  const patience = clock.sleep(ms, over.signal).catch(() => undefined);
  await Promise.race([work, patience]).finally(() => over.abort());
}

/** What Docker's CLI and Compose look for before they pull. */
function noSuchImage(image: string): NotFoundError {
  return new NotFoundError(`No such image: ${image}`, 'NO_SUCH_IMAGE');
}
