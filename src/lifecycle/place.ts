import type { Container } from '../cluster/container.ts';
import type { Node } from '../cluster/node.ts';
import type { PendingPlacement } from '../cluster/placements.ts';
import { BadRequestError, NotFoundError } from '../common/errors.ts';
import { toError } from '../scheduler/refusal.ts';
import { schedule } from '../scheduler/scheduler.ts';
import type { Home, PlacementRequest } from '../scheduler/types.ts';
import type { LifecycleContext } from './lifecycle.ts';
import type { NetworkPlacement } from './ports.ts';
import { replacedBy } from './replaced.ts';
import type { Wanted } from './wanted.ts';

/** How long a create that asks for resources waits until what the chosen node holds is known. */
const ACCOUNTING_WAIT_MS = 5_000;
/**
 * Resources and ports can only be judged when what the node holds already is known: right after the manager's start that
 * takes a moment, after which the choice is made anew. Choosing and recording are one synchronous step, so no other
 * create comes between.
 */
export async function place(
  context: LifecycleContext,
  wanted: Wanted,
  excluded: ReadonlyMap<string, string>,
): Promise<PendingPlacement> {
  const { cluster } = context;
  const deadlineMs = Date.now() + ACCOUNTING_WAIT_MS;
  for (;;) {
    const replaced = replacedBy(cluster, wanted.name, wanted.labels);
    const placed = cluster.withoutReservationsOf(replaced, () => {
      const node = choose(context, wanted, excluded, replaced);
      const isJudged = !asksForResources(wanted) || !cluster.accounting.isPendingOn(node);
      if (!isJudged && Date.now() < deadlineMs) return { isJudged: false, node } as const;
      return { isJudged: true, placement: cluster.beginPlacement(node, wanted.parsed.request, wanted.labels) } as const;
    });
    if (placed.isJudged) return placed.placement;
    await withinMs(cluster.accounting.settledOn(placed.node), ACCOUNTING_WAIT_MS);
  }
}

function choose(
  context: LifecycleContext,
  { references, parsed }: Wanted,
  excluded: ReadonlyMap<string, string>,
  replaced: readonly Container[],
): Node {
  const { cluster, networks, volumes } = context;
  if (!context.images.isKnown(references.image) && cluster.nodes.some((node) => node.isHealthy)) {
    throw noSuchImage(references.image);
  }
  const homes: Home[] = [...volumes.homesOf(references.volumes), ...networkHomes(networks, references.networks)];
  const refused = new Map([...networks.refusalsFor(references.networks), ...excluded]);
  const request = { ...parsed.request, homes, excluded: refused, ...succession(replaced) };
  const answer = schedule(request, cluster, context.scheduler);
  if (answer.kind === 'refused') throw toError(answer);
  return answer.node as Node;
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
