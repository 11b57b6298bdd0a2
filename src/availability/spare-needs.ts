import type { Cluster } from '../cluster/cluster.ts';
import type { ImageRecord } from '../cluster/images.ts';
import type { Node } from '../cluster/node.ts';
import type { DesiredState } from '../desired/desired-state.ts';
import type { MovePolicy } from '../desired/move-terms.ts';
import type { ContainerRecord } from '../desired/record.ts';
import { likePlatformOf } from '../images/holders.ts';
import { registryRepositoriesOf } from '../images/origin.ts';
import { hindranceOf } from './movability.ts';

/** An image of no known registry, without which a container could not be made anew once one node, or one failure domain, is lost. */
export interface SpareNeed {
  readonly imageId: string;
  /** One that would not come back. */
  readonly container: ContainerRecord;
  /** Nodes that answer and have it; there is one at least. */
  readonly holders: readonly Node[];
  /** A further node has it, but does not answer. */
  readonly isAway: boolean;
  /** Where a copy may go: any of the first group rather than of the next one. Not empty. */
  readonly places: readonly (readonly Node[])[];
}

export interface SpareNeedsDeps {
  readonly cluster: Cluster;
  readonly desired: DesiredState;
}

/**
 * The images that want one more holder. Takes a look at each image of the cluster, and at the containers of those nodes alone that
 * have one in question.
 *
 * @param standard the cluster's policy, for containers that say nothing
 */
export function spareNeeds({ cluster, desired }: SpareNeedsDeps, standard: MovePolicy): readonly SpareNeed[] {
  const { images, domains } = cluster;
  // A site keeps spares of its own, or none: which of its nodes has an image is its manager's to say.
  const takers = cluster.nodes.filter(
    ({ isHealthy, availability, isSite }) => isHealthy && availability === 'active' && !isSite,
  );
  const needs: SpareNeed[] = [];
  for (const { id } of images.list()) {
    const same = [...images.sameAs(id)].flatMap((each) => images.get(each) ?? []);
    if (same.some(isOfRegistry)) continue;
    const all = [...new Set(same.flatMap((each) => [...each.holders.keys()]))];
    // What is on a drained node is about to go.
    const holders = all.filter(({ isHealthy, availability }) => isHealthy && availability !== 'drain');
    const places = placesFor(holders, takers, domains.labels);
    if (places.length === 0) continue;
    const container = userOf(id, holders, desired, standard);
    if (!container) continue;
    needs.push({ imageId: id, container, holders, isAway: all.some(({ isHealthy }) => !isHealthy), places });
  }
  return needs;
}

function isOfRegistry({ holders }: ImageRecord): boolean {
  for (const summary of holders.values()) if (registryRepositoriesOf(summary).length > 0) return true;
  return false;
}

/** Another value of the widest label that nodes differ in; else, for what is on one node only, any other node. */
function placesFor(
  holders: readonly Node[],
  takers: readonly Node[],
  labels: readonly string[],
): readonly (readonly Node[])[] {
  const [first] = holders;
  if (!first) return [];
  const holds = new Set(holders);
  const isLike = likePlatformOf(first);
  const others = takers.filter((node) => !holds.has(node) && isLike(node));
  const any = holders.length === 1 ? others : [];
  for (const label of labels) {
    const held = new Set(holders.map((node) => node.labels.get(label)));
    if (held.size > 1) return [];
    const elsewhere = others.filter((node) => !held.has(node.labels.get(label)));
    if (elsewhere.length > 0) return any.length > elsewhere.length ? [elsewhere, any] : [elsewhere];
  }
  return any.length > 0 ? [any] : [];
}

/** A container with the image that should run and may move by itself. */
function userOf(
  imageId: string,
  holders: readonly Node[],
  { index }: DesiredState,
  standard: MovePolicy,
): ContainerRecord | undefined {
  for (const node of holders) {
    for (const container of node.containers.values()) {
      if (container.imageId !== imageId) continue;
      const known = index.byEngineId(container.engineId);
      if (known?.role === 'current' && !hindranceOf(known.record, standard)) return known.record;
    }
  }
  return undefined;
}
