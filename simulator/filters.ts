import type { Container } from './container.ts';
import type { EngineEvent } from './event-hub.ts';

/** The `filters` parameter: values by key. */
export type Filters = Readonly<Record<string, readonly string[]>>;

/** Reads both forms clients send, `{"k":["v"]}` and `{"k":{"v":true}}`; undefined when it is neither. */
export function parseFilters(text: string | null): Filters | undefined {
  if (text === null || text === '') return {};
  try {
    const parsed = JSON.parse(text) as Record<string, readonly string[] | Record<string, boolean>>;
    return Object.fromEntries(
      Object.entries(parsed).map(([key, values]) => [key, Array.isArray(values) ? values : Object.keys(values)]),
    ) as Filters;
  } catch {
    return undefined;
  }
}

/** Whether a container passes: keys all, values of one key any (labels: all). */
export function matchesContainer(container: Container, filters: Filters): boolean {
  return Object.entries(filters).every(([key, values]) => {
    if (key === 'label') return values.every((label) => hasLabel(container.labels, label));
    return values.some((value) => matchesOne(container, key, value));
  });
}

function matchesOne(container: Container, key: string, value: string): boolean {
  switch (key) {
    case 'id':
      return container.id.startsWith(value);
    case 'name':
      return matchesName(container.name, value);
    case 'status':
      return container.state === value;
    case 'health':
      return container.health === value;
    case 'ancestor':
      return container.image === value || container.image === `${value}:latest` || container.imageId === value;
    case 'exited':
      return container.state === 'exited' && container.exitCode === Number(value);
    case 'network':
      return value === 'bridge' ? container.networks.length === 0 : container.networks.includes(value);
    default:
      return true;
  }
}

/** Engines read a name filter as an unanchored regular expression over `name` and `/name`. */
function matchesName(name: string, pattern: string): boolean {
  if (/^[\w-]*$/.test(pattern)) return name.includes(pattern);
  const expression = new RegExp(pattern);
  return expression.test(name) || expression.test(`/${name}`);
}

/** `key` or `key=value`. */
export function hasLabel(labels: Readonly<Record<string, string>>, wanted: string): boolean {
  const equals = wanted.indexOf('=');
  if (equals < 0) return Object.hasOwn(labels, wanted);
  return labels[wanted.slice(0, equals)] === wanted.slice(equals + 1);
}

/** Whether an event passes the filters of `GET /events`. */
export function matchesEvent(event: EngineEvent, filters: Filters): boolean {
  const attributes = event.Actor.Attributes;
  return Object.entries(filters).every(([key, values]) => {
    if (key === 'label') return values.every((label) => hasLabel(attributes, label));
    return values.some((value) => matchesEventKey(event, key, value));
  });
}

function matchesEventKey(event: EngineEvent, key: string, value: string): boolean {
  const { ID: id, Attributes: attributes } = event.Actor;
  switch (key) {
    case 'type':
      return event.Type === value;
    case 'event':
      return event.Action === value || event.Action.startsWith(`${value}:`);
    case 'scope':
      return event.scope === value;
    case 'image':
      return attributes.image === value;
    case 'container':
    case 'network':
    case 'volume':
      return event.Type === key && (id.startsWith(value) || attributes.name === value);
    default:
      return true;
  }
}
