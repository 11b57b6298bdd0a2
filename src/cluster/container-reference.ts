import { BadRequestError, NotFoundError } from '../common/errors.ts';
import { Container } from './container.ts';
import type { Containers } from './containers.ts';

type Index = Containers['index'];

/**
 * The container a client means by a full ID, a name (`web`, `/web`), `node/web` (`site/node/web`) or an ID prefix, in this order. What has
 * a name is never taken for an ID prefix, also while no node lists it: `docker rm -f db` for a container that is lost means no other one whose ID begins so.
 * Throws 404 when there is none and 400 when there are several.
 */
export function resolveContainer(containers: Containers, reference: string): Container {
  const found = containersMeant(containers, reference);
  const [first, ...more] = found;
  if (!first) throw new NotFoundError(`No such container: ${reference}`, 'NO_SUCH_CONTAINER');
  if (more.length === 0) return first;
  const names = found.slice(0, 3).map((each) => `${each.node.name}/${each.name} (${each.id.slice(0, 12)})`);
  throw new BadRequestError(
    `multiple containers match ${reference}: ${names.join(', ')}${found.length > 3 ? ', …' : ''}. Use a longer ID or node/name.`,
    'AMBIGUOUS_CONTAINER',
  );
}

/** Everything a reference may mean; several only when it is ambiguous. */
export function containersMeant(containers: Containers, reference: string): readonly Container[] {
  const { index } = containers;
  const text = reference.startsWith('/') ? reference.slice(1) : reference;
  const byId = onlyContainers(index.byId(text));
  if (byId.length > 0) return preferReachable(byId);
  const byName = onlyContainers(index.byName(text));
  if (byName.length > 0) return preferReachable(byName);
  const slash = text.indexOf('/');
  if (slash > 0) {
    const [node, rest] = [text.slice(0, slash), text.slice(slash + 1)];
    const found = [...onNode(containers, node, rest), ...atSite(containers, node, rest)];
    return found.length > 0 ? found : linkedAs(index, text);
  }
  return withIdPrefix(containers, text);
}

function withIdPrefix(containers: Containers, text: string): readonly Container[] {
  return containers.isName(text) ? [] : onlyContainers(containers.index.byPrefix(text, 4));
}

/** Containers that another one has a link to by this name (`web/db`, `node/web/db`): they are on its node. */
function linkedAs(index: Index, text: string): readonly Container[] {
  const parts = text.split('/');
  if (parts.length > 3) return [];
  const [parent = ''] = parts.slice(-2);
  const name = parts.slice(-2).join('/');
  const node = parts.length === 3 ? parts[0] : undefined;
  const parents = onlyContainers(index.byName(parent));
  const nodes = new Set(parents.map((each) => each.node));
  return [...nodes]
    .filter((each) => node === undefined || each.name === node || each.id === node)
    .flatMap((each) => [...each.containers.values()].filter(({ links }) => links.includes(name)));
}

function onNode(containers: Containers, nodeReference: string, reference: string): readonly Container[] {
  const isThere = ({ node }: Container): boolean => node.id === nodeReference || node.name === nodeReference;
  const named = onlyContainers(containers.index.byName(reference)).filter(isThere);
  return named.length > 0 ? named : withIdPrefix(containers, reference).filter(isThere);
}

/** A container at a site, by the node there that has it: `site/bee/web`. */
function atSite(containers: Containers, site: string, reference: string): readonly Container[] {
  const slash = reference.indexOf('/');
  if (slash <= 0) return [];
  const siteNode = reference.slice(0, slash);
  return onNode(containers, site, reference.slice(slash + 1)).filter((each) => each.siteNode === siteNode);
}

/** Without placements that are still pending. */
export function onlyContainers(found: Iterable<unknown>): Container[] {
  const containers: Container[] = [];
  for (const each of found) if (each instanceof Container) containers.push(each);
  return containers;
}

/** Of copies under one name or identity the ones on healthy nodes are meant. */
function preferReachable(found: readonly Container[]): readonly Container[] {
  if (found.length < 2) return found;
  const reachable = found.filter(({ node }) => node.isHealthy);
  return reachable.length > 0 ? reachable : found;
}
