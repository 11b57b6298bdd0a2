import type { Node } from '../cluster/node.ts';
import { parseReference } from '../common/image-reference.ts';
import { type ContainerSpec, parseSpec } from '../desired/container-spec.ts';
import type { ContainerRecord, RecordBody } from '../desired/record.ts';
import { registryRepositoriesOf } from '../images/origin.ts';
import type { PlacementRequest } from '../scheduler/types.ts';
import { amendedSource } from './amended-source.ts';
import type { ProvisionalDeps } from './deps.ts';

/** What the successor of a record's container is made from. */
export interface SuccessorSpec {
  readonly spec: ContainerSpec;
  /** Networks it is disconnected from before its start. */
  readonly disconnects: readonly string[];
  /** The image it must have, by ID or digest; empty when its reference means that one still. */
  readonly images: readonly string[];
}

/** Reads from the store what a record's container is, as clients want it by now. Throws 404 when the record is gone. */
export async function successorSpec(
  { cluster, desired, networks }: Pick<ProvisionalDeps, 'cluster' | 'desired' | 'networks'>,
  { key, name }: Pick<ContainerRecord, 'key' | 'name'>,
): Promise<SuccessorSpec> {
  const body = await desired.body(key);
  const { source, disconnects } = amendedSource(body, (network) => networks.idOf(network));
  const spec = parseSpec(source, JSON.parse(source.text), name);
  const meant = cluster.images.find(spec.image);
  return { spec, disconnects, images: recordedImages(body, spec.image, meant?.id) };
}

/** A tag that means another image by now, or none, is no way to make the same container. */
function recordedImages({ image }: RecordBody, reference: string, meant: string | undefined): readonly string[] {
  if (!image || meant === image.id) return [];
  const isOfRegistry = (digest: string): boolean =>
    registryRepositoriesOf({ Id: image.id, RepoDigests: [digest] }).length > 0;
  const named = parseReference(reference).digest === undefined ? [] : [reference];
  return [image.id, ...new Set([...image.digests.filter(isOfRegistry), ...named])];
}

/**
 * Whether one node, and no other, could take it: what binds it to containers that come along is not asked. Undefined when it can, else
 * why not, in words.
 */
export function refusalOf(
  deps: ProvisionalDeps,
  { placement }: ContainerSpec,
  id: string,
  node: Node,
): string | undefined {
  const { cluster, placer } = deps;
  const others = cluster.nodes.flatMap((each): [string, string][] => (each === node ? [] : [[each.id, 'not asked']]));
  const request: PlacementRequest = {
    ...placement,
    dependencies: [],
    affinities: [],
    excluded: new Map(others),
    replaces: new Set([id]),
  };
  const decision = placer.decide(request);
  if (decision.kind === 'placed') return undefined;
  // The others were refused for these.
  const own = decision.reasons.find(({ filter }) => filter !== 'excluded' && filter !== 'health');
  return own?.explanation ?? decision.message;
}
