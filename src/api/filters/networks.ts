import type { Node } from '../../cluster/node.ts';
import { BadRequestError } from '../../common/errors.ts';
import type { KnownNetwork } from '../../networks/known-network.ts';
import type { NetworkQuery } from '../../networks/network-service.ts';
import { type Filters, flagFilter, matchesLabels, nameMatcher } from './query.ts';

/** Filters of `GET /networks`, those of the engine and our own `node`. */
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

/** What a listing with these filters is about, in a cluster of `nodes`. Throws 400 for a value that engines refuse. */
export function networkQuery(filters: Filters, nodes: readonly Node[]): NetworkQuery {
  const anyOf = (name: string, testFor: (value: string) => Test): Test => {
    const tests = (filters.get(name) ?? []).map(testFor);
    return tests.length === 0 ? () => true : (network) => tests.some((test) => test(network));
  };
  const tests = [
    anyOf('driver', (value) => on(equals(value), ({ summary }) => summary.Driver)),
    anyOf('scope', (value) => on(equals(value), ({ summary }) => summary.Scope ?? '')),
    anyOf('id', (value) => on(nameMatcher(value), ({ id }) => id)),
    anyOf('name', (value) => on(nameMatcher(value), ({ name }) => name)),
    anyOf('type', typeTest),
    anyOf('node', (value) => (network) => isOnNode(network, value, nodes)),
    ({ summary }: KnownNetwork<Node>) => matchesLabels(summary.Labels, filters.get('label') ?? []),
  ];
  return { matches: (network) => tests.every((test) => test(network)), isDangling: flagFilter(filters, 'dangling') };
}

type Test = (network: KnownNetwork<Node>) => boolean;

/** A network that spans the cluster is on all nodes. */
function isOnNode({ kind, holders }: KnownNetwork<Node>, wanted: string, nodes: readonly Node[]): boolean {
  return (kind === 'local' ? holders : nodes).some(({ name, id }) => name === wanted || id === wanted);
}

function equals(wanted: string): (value: string) => boolean {
  return (value) => value === wanted;
}

function on(test: (value: string) => boolean, read: (network: KnownNetwork<Node>) => string): Test {
  return (network) => test(read(network));
}

function typeTest(wanted: string): Test {
  if (wanted === 'builtin') return ({ kind }) => kind === 'predefined';
  if (wanted === 'custom') return ({ kind }) => kind !== 'predefined';
  throw new BadRequestError(`invalid filter: 'type'='${wanted}'`, 'BAD_FILTER');
}
