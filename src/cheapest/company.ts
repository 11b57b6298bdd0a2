import { type Expression, parseExpression } from '../scheduler/expression.ts';
import { matchesPattern } from '../scheduler/pattern.ts';
import type { SnapshotContainer } from './snapshot.ts';

/** What containers look for on their node, or keep away from, as numbers: the same expression has the same one. */
export interface Company {
  /** By container: expressions that others have and it meets. */
  readonly tags: readonly (readonly number[])[];
  readonly repels: readonly (readonly number[])[];
  readonly wants: readonly (readonly number[])[];
}

/** Reads the hard affinities that are about other containers. */
export function readCompany(containers: readonly SnapshotContainer[]): Company {
  const numbers = new Map<string, number>();
  const expressions: Expression[] = [];
  const numberOf = (expression: Expression): number => {
    const text = `${expression.key}==${expression.pattern.value}`;
    const known = numbers.get(text) ?? expressions.length;
    if (known === expressions.length) expressions.push(expression);
    numbers.set(text, known);
    return known;
  };
  const read = containers.map(({ affinities }) =>
    affinities
      .map((text) => parseExpression(text))
      .filter(({ key, isSoft }) => !isSoft && key !== 'image')
      .map((expression) => ({ expression, number: numberOf(expression) })),
  );
  const of = (operator: Expression['operator']): number[][] =>
    read.map((all) => all.filter(({ expression }) => expression.operator === operator).map(({ number }) => number));
  const byKey = new Map<string, number[]>();
  for (const [number, { key }] of expressions.entries()) byKey.set(key, [...(byKey.get(key) ?? []), number]);
  const tags = containers.map((container) => {
    const keys = byKey.size === 0 ? [] : ['container', ...Object.keys(container.labels)];
    return keys.flatMap((key) => byKey.get(key) ?? []).filter((number) => isMeant(expressions[number], container));
  });
  return { tags, repels: of('!='), wants: of('==') };
}

function isMeant(expression: Expression | undefined, { id, name, labels }: SnapshotContainer): boolean {
  if (!expression) return false;
  const { key, pattern } = expression;
  if (key !== 'container') return labels[key] !== undefined && matchesPattern(pattern, labels[key]);
  if (pattern.kind === 'exact') return pattern.value.replace(/^\//, '') === name || id.startsWith(pattern.value);
  return pattern.test(name) || pattern.test(id);
}
