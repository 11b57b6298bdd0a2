import { BadRequestError } from '../common/errors.ts';
import type { KnownNetwork } from './known-network.ts';

/** Filters of `GET /networks`: names with the values of which any may match. */
export type NetworkFilters = ReadonlyMap<string, readonly string[]>;

/** How filter values are compared, handed in by the API layer. */
export interface Matchers {
  /** A matcher for an unanchored expression. */
  readonly pattern: (text: string) => (value: string) => boolean;
  readonly labels: (labels: Readonly<Record<string, string>> | null | undefined, wishes: readonly string[]) => boolean;
}

/** The filters of `GET /networks`. */
export const NETWORK_FILTERS: ReadonlySet<string> = new Set([
  'dangling',
  'driver',
  'id',
  'label',
  'name',
  'node',
  'scope',
  'type',
]);

/** Networks that satisfy every filter but `dangling`, which only the engines can tell. */
export function filterNetworks<N>(
  networks: readonly KnownNetwork<N>[],
  filters: NetworkFilters,
  { pattern, labels }: Matchers,
): readonly KnownNetwork<N>[] {
  const anyOf = (name: string, matches: (wish: string) => (network: KnownNetwork<N>) => boolean) => {
    const wishes = filters.get(name);
    if (!wishes || wishes.length === 0) return () => true;
    const tests = wishes.map(matches);
    return (network: KnownNetwork<N>) => tests.some((test) => test(network));
  };
  const tests = [
    anyOf(
      'driver',
      (wish) =>
        ({ summary }) =>
          summary.Driver === wish,
    ),
    anyOf(
      'scope',
      (wish) =>
        ({ summary }) =>
          summary.Scope === wish,
    ),
    anyOf('id', (wish) => on(pattern(wish), ({ id }) => id)),
    anyOf('name', (wish) => on(pattern(wish), ({ name }) => name)),
    anyOf('type', (wish) => typeTest(wish)),
    ({ summary }: KnownNetwork<N>) => labels(summary.Labels, filters.get('label') ?? []),
  ];
  return networks.filter((network) => tests.every((test) => test(network)));
}

/** What the `dangling` filter asks for; undefined when it is absent. Throws 400 for anything but a flag. */
export function danglingWish(filters: NetworkFilters): boolean | undefined {
  const [value] = filters.get('dangling') ?? [];
  if (value === undefined) return undefined;
  if (['1', 'true', 't'].includes(value.toLowerCase())) return true;
  if (['0', 'false', 'f'].includes(value.toLowerCase())) return false;
  throw new BadRequestError(`invalid filter 'dangling=[${value}]'`, 'BAD_FILTER');
}

function on<N>(test: (value: string) => boolean, read: (network: KnownNetwork<N>) => string) {
  return (network: KnownNetwork<N>): boolean => test(read(network));
}

function typeTest<N>(wish: string): (network: KnownNetwork<N>) => boolean {
  if (wish === 'builtin') return ({ kind }) => kind === 'predefined';
  if (wish === 'custom') return ({ kind }) => kind !== 'predefined';
  throw new BadRequestError(`invalid filter: 'type'='${wish}'`, 'BAD_FILTER');
}
