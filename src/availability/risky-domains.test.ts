import { expect, test } from 'vitest';
import { riskyDomains } from './risky-domains.ts';

function nodes(...domains: readonly (string | undefined)[]): Parameters<typeof riskyDomains>[0] {
  return domains.map((value) => ({
    isHealthy: true,
    labels: new Map(value === undefined ? [] : [['provider', value]]),
  }));
}

const of = (...domains: readonly (string | undefined)[]): readonly string[] =>
  riskyDomains(nodes(...domains), ['provider', 'zone']);

test('a domain is risky that has more than half of the nodes, when there are others', () => {
  expect(of('a', 'a', 'a', 'b', 'b')).toEqual(['provider=a']);
  expect(of('a', 'a', 'b', 'b')).toEqual([]);
  expect(of('a', 'a', 'b', 'c', 'c')).toEqual([]);
  expect(of('a', 'a', 'a')).toEqual([]);
  expect(of('a', 'a', undefined)).toEqual(['provider=a']);
  expect(of(undefined, undefined, 'b')).toEqual([]);
  expect(of()).toEqual([]);
});

test('nodes that are down already count among those that must be left', () => {
  const [first, ...others] = nodes('a', 'a', 'b', 'b');
  expect(
    riskyDomains([{ ...first, labels: new Map([['provider', 'a']]), isHealthy: false }, ...others], ['provider']),
  ).toEqual(['provider=b']);
});
