import { parseReference } from '../../common/image-reference.ts';
import type { EngineEvent } from '../../engine/types.ts';
import type { ClusterMessage } from '../events/event-text.ts';
import { type Filters, matchesLabels } from './query.ts';

/** Filters of `GET /events`, those of the engine and our own `node` as a node's name or ID. */
export const EVENT_FILTERS: ReadonlySet<string> = new Set([
  'config',
  'container',
  'daemon',
  'event',
  'image',
  'label',
  'network',
  'node',
  'plugin',
  'scope',
  'secret',
  'service',
  'type',
  'volume',
]);

/** Whether a message passes all filters (any value of each). */
export function matchesEvent({ event, node }: ClusterMessage, filters: Filters): boolean {
  for (const [name, values] of filters) {
    if (values.length > 0 && !matchesOne(event, node, name, values)) return false;
  }
  return true;
}

function matchesOne(
  event: EngineEvent,
  node: ClusterMessage['node'],
  name: string,
  values: readonly string[],
): boolean {
  switch (name) {
    case 'type':
      return values.includes(event.Type);
    case 'event':
      return values.some(
        (value) =>
          event.Action === value || event.Action.startsWith(`${value}: `) || event.Action.startsWith(`${value}:`),
      );
    case 'label':
      return matchesLabels(event.Actor.Attributes, values);
    case 'node':
      return values.includes(node.name) || values.includes(node.id);
    case 'scope':
      return values.includes(event.scope ?? 'local');
    case 'image':
      return matchesImage(event, values);
    default:
      return event.Type === name && matchesActor(event, node, values);
  }
}

/**
 * By ID, ID prefix or name, of the containers, networks, volumes … the filter is named after; also as listings show it, behind
 * the node's name (`node/web`).
 */
function matchesActor({ Actor }: EngineEvent, node: ClusterMessage['node'], values: readonly string[]): boolean {
  const name = Actor.Attributes?.name ?? '';
  return values.some((value) => {
    const wanted = value.replace(/^\//, '');
    if (isMeant(wanted, Actor.ID, name)) return true;
    const slash = wanted.indexOf('/');
    const where = wanted.slice(0, Math.max(slash, 0));
    return slash > 0 && (where === node.name || where === node.id) && isMeant(wanted.slice(slash + 1), Actor.ID, name);
  });
}

function isMeant(wanted: string, id: string, name: string): boolean {
  return id.startsWith(wanted) || name.startsWith(wanted);
}

/** Events of the image itself and of containers made from it; a filter without tag means every tag. */
function matchesImage({ Type, Actor }: EngineEvent, values: readonly string[]): boolean {
  const reference = Type === 'image' ? (Actor.Attributes?.name ?? Actor.ID) : Actor.Attributes?.image;
  if (!reference) return false;
  return values.some(
    (value) => value === reference || Actor.ID === value || value === parseReference(reference).repository,
  );
}
