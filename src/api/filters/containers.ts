import type { Cluster } from '../../cluster/cluster.ts';
import type { Container } from '../../cluster/container.ts';
import { compareListed } from '../../cluster/container-list.ts';
import { MIN_INDEXED_CHARS } from '../../cluster/name-part-index.ts';
import { exitCodeOf, healthOf } from '../../cluster/status.ts';
import { BadRequestError } from '../../common/errors.ts';
import type { PortSummary } from '../../engine/types.ts';
import { type Filters, matchesLabels, nameMatcher } from './query.ts';

/** Filters of `GET /containers/json`, those of the engine and our own `node`. */
export const CONTAINER_FILTERS: ReadonlySet<string> = new Set([
  'ancestor',
  'before',
  'exited',
  'expose',
  'health',
  'id',
  'is-task',
  'isolation',
  'label',
  'name',
  'network',
  'node',
  'publish',
  'since',
  'status',
  'volume',
]);

const STATES = new Set(['created', 'restarting', 'running', 'removing', 'paused', 'exited', 'dead']);
const HEALTHS = new Set(['none', 'starting', 'healthy', 'unhealthy']);

type Test = (container: Container) => boolean;

/** The containers that pass all filters, in listing order; without `all` only those listed by default. */
export function* selectContainers(cluster: Cluster, filters: Filters, all: boolean): IterableIterator<Container> {
  const tests = compileTests(cluster, filters);
  const showsAll = all || filters.has('status');
  for (const container of candidates(cluster, filters)) {
    if ((showsAll || container.isListedByDefault) && tests.every((test) => test(container))) yield container;
  }
}

/** Starts from the smallest index that applies, so that a narrow filter does not walk the cluster. */
function candidates(cluster: Cluster, filters: Filters): Iterable<Container> {
  const ids = filters.get('id');
  if (ids) return sorted(new Set(ids.flatMap((id) => cluster.containersByPrefix(id.replace(/^sha256:/, ''), 1000))));
  const byName = filters.get('name')?.map((pattern) => namedLike(cluster, pattern));
  if (byName?.every((found) => found !== undefined)) return sorted(new Set(byName.flat()));
  const rarest = rarestLabel(cluster, filters.get('label') ?? []);
  return rarest ? sorted(rarest) : cluster.containerList;
}

/** What an index finds for a name pattern, perhaps too much; undefined when only a walk over all names can tell. */
function namedLike(cluster: Cluster, pattern: string): readonly Container[] | undefined {
  // `^/?redis_1$`, as scripts and Compose 1 ask for one name.
  const exact = /^\^\/?\??([a-zA-Z0-9][a-zA-Z0-9_-]*)\$$/.exec(pattern)?.[1];
  if (exact !== undefined) return cluster.containersNamed(exact);
  const literal = INNER_SLASH.test(pattern) ? '' : longestLiteral(pattern);
  return literal.length >= MIN_INDEXED_CHARS ? cluster.containersNamedLike(literal) : undefined;
}

const INNER_SLASH = /[^^/].*\//;
const plainForms = ({ name }: Container): readonly string[] => [name, `/${name}`];
const nodeForms = (container: Container): readonly string[] => {
  const { name, node } = container;
  return [...plainForms(container), `${node.name}/${name}`, `/${node.name}/${name}`];
};

/** Text that every match of a simple pattern contains; empty for patterns with alternatives or repetitions. */
function longestLiteral(pattern: string): string {
  if (/[|()[\]{}?*+\\]/.test(pattern)) return '';
  return pattern.split(/[.^$/]/).reduce((longest, run) => (run.length > longest.length ? run : longest), '');
}

function rarestLabel(cluster: Cluster, wanted: readonly string[]): Iterable<Container> | undefined {
  let rarest: { readonly count: number; readonly containers: Iterable<Container> } | undefined;
  for (const each of wanted) {
    const equals = each.indexOf('=');
    const found =
      equals < 0
        ? cluster.containersWithLabel(each)
        : cluster.containersWithLabel(each.slice(0, equals), each.slice(equals + 1));
    if (!rarest || found.count < rarest.count) rarest = found;
  }
  return rarest?.containers;
}

function sorted(containers: Iterable<Container>): Container[] {
  return [...containers].sort(compareListed);
}

/** Each filter compiled once for the whole call. */
function compileTests(cluster: Cluster, filters: Filters): Test[] {
  const tests: Test[] = [];
  for (const [name, values] of filters) {
    const compile = TESTS[name];
    if (compile && values.length > 0) tests.push(compile(values, cluster));
  }
  return tests;
}

const TESTS: Readonly<Record<string, (values: readonly string[], cluster: Cluster) => Test>> = {
  label: (values) => (container) => matchesLabels(container.labels, values),
  name: (values) => {
    const matchers = values.map((value) => nameMatcher(value));
    // `node/name`, as listings show it, can only be meant by a pattern with a slash inside.
    const forms = values.some((value) => INNER_SLASH.test(value)) ? nodeForms : plainForms;
    return (container) => forms(container).some((form) => matchers.some((matches) => matches(form)));
  },
  status: (values) => {
    assertAmong('status', values, STATES);
    return ({ state }) => values.includes(state);
  },
  health: (values) => {
    assertAmong('health', values, HEALTHS);
    return ({ status }) => values.includes(healthOf(status));
  },
  exited: (values) => {
    const codes = values.map((value) => {
      if (!/^-?\d+$/.test(value))
        throw new BadRequestError(`invalid filter 'exited=${value}': use a number`, 'BAD_FILTER');
      return Number(value);
    });
    return ({ state, status }) => state === 'exited' && codes.includes(exitCodeOf(status) ?? Number.NaN);
  },
  node:
    (values) =>
    ({ node }) =>
      values.some((value) => value === node.name || value === node.id),
  ancestor: (values, cluster) => {
    const ids = new Set(values.flatMap((value) => cluster.images.find(value)?.id ?? []));
    return ({ image, imageId }) => ids.has(imageId) || values.includes(image);
  },
  before: (values, cluster) => {
    const marks = values.map((value) => cluster.container(value));
    return (container) => marks.some((mark) => compareListed(container, mark) > 0);
  },
  since: (values, cluster) => {
    const marks = values.map((value) => cluster.container(value));
    return (container) => marks.some((mark) => compareListed(container, mark) < 0);
  },
  'is-task': (values) => () => values.every((value) => ['0', 'false', 'False'].includes(value)),
  isolation: () => () => true,
  network: (values) => (container) => {
    const networks = Object.entries(container.entry().NetworkSettings?.Networks ?? {});
    return networks.some(([name, { NetworkID }]) =>
      values.some((value) => value === name || (NetworkID ?? '').startsWith(value)),
    );
  },
  volume: (values) => (container) =>
    (container.entry().Mounts ?? []).some(({ Name, Destination }) =>
      values.some((value) => value === Name || value === Destination),
    ),
  expose: (values) => portTest(values, ({ PrivatePort }) => PrivatePort),
  publish: (values) => portTest(values, ({ PublicPort }) => PublicPort),
};

function assertAmong(filter: string, values: readonly string[], known: ReadonlySet<string>): void {
  for (const value of values) {
    if (known.has(value)) continue;
    throw new BadRequestError(`invalid filter '${filter}=${value}': use one of ${[...known].join(', ')}`, 'BAD_FILTER');
  }
}

/** `80`, `80/udp`, `8000-8010/tcp`. */
function portTest(values: readonly string[], portOf: (port: PortSummary) => number | undefined): Test {
  const ranges = values.map((value) => {
    const match = /^(\d{1,5})(?:-(\d{1,5}))?(?:\/(tcp|udp|sctp))?$/.exec(value);
    if (!match)
      throw new BadRequestError(`invalid filter: '${value}' is no port; write 80, 80/udp or 8000-8010`, 'BAD_FILTER');
    return { first: Number(match[1]), last: Number(match[2] ?? match[1]), protocol: match[3] ?? 'tcp' };
  });
  return (container) =>
    container.ports.some((port) => {
      const number = portOf(port);
      return (
        number !== undefined &&
        ranges.some(({ first, last, protocol }) => port.Type === protocol && number >= first && number <= last)
      );
    });
}
