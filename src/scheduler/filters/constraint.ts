import type { Expression } from '../expression.ts';
import { matchesPattern } from '../pattern.ts';
import type { ClusterView, NodeBuiltins, NodeView, PlacementRequest } from '../types.ts';
import type { Check, Condition, Filter } from './filter.ts';
import { checkOf } from './filter.ts';

/** Properties of the node itself: `node` (ID or name), what every engine reports, and engine labels. */
export const constraintFilter: Filter = {
  name: 'constraint',
  prepare(request: PlacementRequest, cluster: ClusterView): Check | undefined {
    const conditions = request.constraints.map((expression) => toCondition(expression, cluster));
    return checkOf('constraint', conditions);
  },
};

function toCondition(expression: Expression, cluster: ClusterView): Condition {
  const { key, pattern } = expression;
  const isWanted = expression.operator === '==';
  const matches = matcherFor(expression);
  return {
    expression,
    accepts: (node) => matches(node) === isWanted,
    hint: () => {
      if (!isWanted || isBuiltinKey(key)) return '';
      if (!cluster.nodes.some((node) => node.labels.has(key))) return `no node has the label ${key}`;
      return cluster.nodes.some(matches) ? '' : `no node has ${key}=${pattern.value}`;
    },
  };
}

/** A node without the label matches nothing: `==` refuses it, `!=` accepts it, also for `*`. */
function matcherFor({ key, pattern }: Expression): (node: NodeView) => boolean {
  const name = key.toLowerCase();
  if (name === 'node') return (node) => matches(node.name) || matches(node.id) || matches(node.labels.get(key));
  if (isBuiltin(name)) return (node) => matchesPattern(pattern, node.builtins[name]);
  return (node) => matches(node.labels.get(key));

  function matches(value: string | undefined): boolean {
    return value !== undefined && matchesPattern(pattern, value);
  }
}

const BUILTINS: Readonly<Record<keyof NodeBuiltins, true>> = {
  storagedriver: true,
  kernelversion: true,
  operatingsystem: true,
  ostype: true,
  architecture: true,
};

function isBuiltin(key: string): key is keyof NodeBuiltins {
  return Object.hasOwn(BUILTINS, key);
}

function isBuiltinKey(key: string): boolean {
  const name = key.toLowerCase();
  return name === 'node' || isBuiltin(name);
}
