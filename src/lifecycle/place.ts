import type { Container } from '../cluster/container.ts';
import type { Node } from '../cluster/node.ts';
import type { PendingPlacement } from '../cluster/placements.ts';
import { BadRequestError, NotFoundError, SchedulingError } from '../common/errors.ts';
import type { Home, PlacementRequest } from '../scheduler/types.ts';
import type { LifecycleContext } from './lifecycle.ts';
import type { NetworkPlacement } from './ports.ts';
import { regroup, TryAgain } from './regroup.ts';
import { replacedBy } from './replaced.ts';
import { keysOf } from './traffic.ts';
import type { Wanted } from './wanted.ts';

/** How long a create that asks for resources waits until what the chosen node holds is known. */
const ACCOUNTING_WAIT_MS = 5_000;
/** What a placement is decided by beside the request and the cluster. */
export interface Surroundings {
  /** Nodes that cannot take it, by ID, with the reason. */
  readonly refused: ReadonlyMap<string, string>;
  /** Containers that go as soon as it is there. */
  readonly replaced: readonly Container[];
  /** Records the placement on a node that was chosen, from now until its `release`. */
  readonly begin: (node: Node) => Place;
}

/** A placement with the homes that were taken for its volumes in the same turn. */
export interface Place extends PendingPlacement {
  readonly claim: { readonly names: readonly string[]; undo(): void };
}

/**
 * Resources and ports can only be judged when what the node holds already is known: right after the manager's start that
 * takes a moment, after which the choice is made anew. Choosing and recording are one synchronous step, so no other
 * create comes between. What nothing can take as it is may bring others along, see `regroup`.
 */
export async function place(
  context: LifecycleContext,
  wanted: Wanted,
  excluded: ReadonlyMap<string, string>,
): Promise<Place> {
  const { cluster, traffic } = context;
  const deadlineMs = Date.now() + ACCOUNTING_WAIT_MS;
  const keys = keysOf(wanted);
  for (;;) {
    await traffic.lockOn(keys);
    if (traffic.lockOn(keys)) continue;
    try {
      const placed = decide(
        context,
        wanted,
        excluded,
        (node) => cluster.accounting.isPendingOn(node) && Date.now() < deadlineMs,
      );
      if ('placement' in placed) return await placed.placement;
      await withinMs(cluster.accounting.settledOn(placed.unsettled), ACCOUNTING_WAIT_MS);
    } catch (error) {
      if (!(error instanceof TryAgain)) throw error;
    }
    wanted.request.signal.throwIfAborted();
  }
}

/** Either the placement, perhaps still to come, or a node whose reservations must be known first. */
type Decision = { readonly placement: Place | Promise<Place> } | { readonly unsettled: Node };

function decide(
  context: LifecycleContext,
  wanted: Wanted,
  excluded: ReadonlyMap<string, string>,
  isUnsettled: (node: Node) => boolean,
): Decision {
  const surroundings = surroundingsOf(context, wanted, excluded);
  try {
    const node = choose(context, wanted, surroundings);
    if (asksForResources(wanted) && isUnsettled(node)) return { unsettled: node };
    return { placement: surroundings.begin(node) };
  } catch (error) {
    if (!(error instanceof SchedulingError) || !isTied(wanted)) throw error;
    return { placement: regroup(context, wanted, surroundings, error) };
  }
}

function surroundingsOf(
  { cluster, networks, traffic, volumes }: LifecycleContext,
  wanted: Wanted,
  excluded: ReadonlyMap<string, string>,
): Surroundings {
  const { parsed, labels, references } = wanted;
  const replaced = replacedBy(cluster, wanted.name, labels);
  return {
    refused: new Map([...networks.refusalsFor(references.networks), ...excluded]),
    replaced,
    begin: (node) => {
      const placement = cluster.withoutReservationsOf(replaced, () =>
        cluster.beginPlacement(node, parsed.request, labels),
      );
      const end = traffic.begin(keysOf(wanted));
      return {
        ...placement,
        claim: volumes.claim(node, references.volumes),
        release: () => {
          placement.release();
          end();
        },
      };
    },
  };
}

function isTied({ references, parsed }: Wanted): boolean {
  return references.volumes.length > 0 || parsed.request.dependencies.length > 0;
}

function choose(context: LifecycleContext, { references, parsed }: Wanted, { refused, replaced }: Surroundings): Node {
  const { cluster, networks, placer, volumes } = context;
  if (!context.images.isKnown(references.image) && cluster.nodes.some((node) => node.isHealthy)) {
    throw noSuchImage(references.image);
  }
  const homes: Home[] = [...volumes.homesOf(references.volumes), ...networkHomes(networks, references.networks)];
  const request = { ...parsed.request, homes, excluded: refused, ...succession(replaced) };
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
function networkHomes(networks: NetworkPlacement, references: readonly string[]): readonly Home[] {
  try {
    return networks.homesOf(references);
  } catch (error) {
    if (!(error instanceof NotFoundError)) throw error;
    throw new BadRequestError(`${error.message}: create it first (docker network create)`, error.code, error);
  }
}

function asksForResources({ parsed }: Wanted): boolean {
  const { memoryBytes, nanoCpus, ports } = parsed.request;
  return memoryBytes > 0 || nanoCpus > 0 || ports.length > 0;
}

async function withinMs(work: Promise<void>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const patience = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([work, patience]);
  clearTimeout(timer);
}

/** What Docker's CLI and Compose look for before they pull. */
function noSuchImage(image: string): NotFoundError {
  return new NotFoundError(`No such image: ${image}`, 'NO_SUCH_IMAGE');
}
