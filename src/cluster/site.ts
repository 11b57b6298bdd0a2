import { EngineError } from '../common/errors.ts';
import { ATTEMPT_LABEL } from '../common/labels.ts';
import type { ContainerSummary, EngineEvent, EngineInfo, NetworkSummary, SiteInfo } from '../engine/types.ts';

/** A manager of another cluster that cannot be a node of this one, or not any more. */
export class SiteRefusedError extends EngineError {
  constructor(message: string) {
    super(message, 'SITE_REFUSED');
  }
}

/** Clusters below a cluster that it tells of. */
const MAX_SITES = 1_024;

/** IDs of the clusters that are nodes of this one, or nodes of such a one, each once; what was refused is none. */
export function sitesBelow(nodes: Iterable<{ readonly site?: SiteInfo | undefined }>): readonly string[] {
  const below = new Set<string>();
  for (const { site } of nodes) {
    if (!site) continue;
    for (const id of [site.Cluster, ...(site.Sites ?? [])]) if (below.size < MAX_SITES) below.add(id);
  }
  return [...below];
}

/**
 * What the manager of another cluster says of itself, as a node's: under its cluster's name where it has one, which all its managers share.
 * Throws a {@link SiteRefusedError} for one that cannot be a node.
 *
 * @param ownId this cluster's ID
 * @param wasTaken whether it is a node already: of several nodes that make a loop, one has to go, and not all
 */
export function siteFacts(
  info: EngineInfo,
  { entry, ownId, wasTaken }: { readonly entry: string; readonly ownId: string; readonly wasTaken: boolean },
): EngineInfo {
  const site = info.Enxame;
  if (!site)
    throw new SiteRefusedError(
      `${entry} is a manager of an earlier Enxame, which cannot be a node of another one: upgrade it, or name its engines themselves`,
    );
  if (site.Cluster === ownId)
    throw new SiteRefusedError(`${entry} is a manager of this very cluster, which cannot be a node of itself`);
  if (site.IsLasting !== true)
    throw new SiteRefusedError(
      `${entry} is a manager that keeps no state, and would be another node after each of its starts: start it with --state-dir`,
    );
  // Of the nodes on a circle at least one has a greater ID than the cluster that has it as a node.
  const isLoop = site.Sites?.includes(ownId) === true && !(wasTaken && ownId > site.Cluster);
  if (isLoop)
    throw new SiteRefusedError(
      `${entry} is a manager of cluster ${site.Name ?? site.Cluster}, which has this cluster as a node, directly or further below: a loop`,
    );
  return { ...info, Name: site.Name ?? info.Name };
}

/** Why a site is no healthy node though its manager answers; undefined when it is one. */
export function siteProblem({ Name, Enxame: site }: EngineInfo): string | undefined {
  if (site?.HealthyNodes !== 0) return undefined;
  return site.Nodes === 0 ? `site ${Name} has no nodes` : `none of the ${site.Nodes} nodes of site ${Name} is healthy`;
}

/** Engines say nothing of clusters: only what was recognised as a manager by its version is believed. */
export function engineFacts(info: EngineInfo): EngineInfo {
  const { Enxame: site, ...facts } = info;
  return site ? facts : info;
}

/**
 * The label that says at a site for which record of this cluster a container was made: {@link ATTEMPT_LABEL} is the site's manager's own, and
 * each cluster above it has one with its ID.
 */
export function attemptLabelAtSite(clusterId: string): string {
  return `${ATTEMPT_LABEL}.${clusterId}`;
}

/** A container as a site's manager lists it, as an engine would: without the names that have one of its nodes in front. */
export function containerOfSite(summary: ContainerSummary, attemptLabel: string): ContainerSummary {
  const { Labels } = summary;
  const { names, node } = splitNames(summary.Names ?? []);
  return {
    ...summary,
    Names: names,
    ...(node !== undefined && { SiteNode: node }),
    ...(Labels && { Labels: underOwnLabel(Labels, attemptLabel) }),
  };
}

/** Managers list every name plainly first, and then all of them again with a node in front: `/web`, `/bee/web`. */
function splitNames(names: readonly string[]): { readonly names: readonly string[]; readonly node?: string } {
  const half = names.slice(0, names.length / 2);
  const isTwice = names.length % 2 === 0 && half.every((name, i) => names[half.length + i]?.endsWith(name) === true);
  const [plain = ''] = half;
  const node = isTwice ? names[half.length]?.slice(1, -plain.length) : undefined;
  return isTwice && node ? { names: half, node } : { names };
}

/** An event as a site's manager tells it, as an engine would. */
export function eventOfSite(event: EngineEvent, attemptLabel: string): EngineEvent {
  const { Actor, from } = event as EngineEvent & { readonly from?: string | null };
  const Attributes = Actor.Attributes && underOwnLabel(Actor.Attributes, attemptLabel);
  return {
    ...event,
    ...(from && { from: from.replace(/ node:\S*$/, '') }),
    Actor: { ...Actor, ...(Attributes && { Attributes }) },
  };
}

/** Networks of a site span its own nodes alone: here they are those of one node. */
export function networkOfSite(summary: NetworkSummary): NetworkSummary {
  return summary.Scope === 'swarm' ? { ...summary, Scope: 'local' } : summary;
}

function underOwnLabel(labels: Readonly<Record<string, string>>, attemptLabel: string): Record<string, string> {
  const { [attemptLabel]: attempt, ...rest } = labels;
  return attempt === undefined ? rest : { ...rest, [ATTEMPT_LABEL]: attempt };
}

/** Why a container with such networks cannot be at a site. */
export const SITE_HAS_NO_CLUSTER_NETWORKS =
  'it is a site with a manager of its own: networks of this cluster do not reach its nodes';
/** Why a strict container cannot. */
export const SITE_IS_NOT_FENCED =
  'it is a site with a manager of its own: no agent there answers to this cluster, so nothing strict can be on it';
/** Why volumes neither leave it nor come to it. */
export const SITE_KEEPS_VOLUMES = 'volumes are not moved to or from a site with a manager of its own';
