import pLimit from 'p-limit';
import type { Node } from '../cluster/node.ts';
import { ClusterError, reasonOf } from '../common/errors.ts';

/** What came of an operation on several nodes. */
export interface Outcomes<T> {
  readonly done: ReadonlyMap<Node, T>;
  readonly failed: ReadonlyMap<Node, unknown>;
}

/** Nodes worked on at once. */
const AT_ONCE = 32;

/** Does the same on several nodes, a bounded number at a time. Never rejects: failures are part of the outcome. */
export async function onEach<T>(
  nodes: Iterable<Node>,
  work: (node: Node) => Promise<T>,
  atOnce: number = AT_ONCE,
): Promise<Outcomes<T>> {
  const limit = pLimit(atOnce);
  const done = new Map<Node, T>();
  const failed = new Map<Node, unknown>();
  const one = async (node: Node): Promise<void> => {
    try {
      done.set(node, await work(node));
    } catch (error) {
      failed.set(node, error);
    }
  };
  await Promise.all([...nodes].map((node) => limit(one, node)));
  return { done, failed };
}

/** One error for all failures: the first one's status, the engine's words, and the nodes. Undefined when all went well. */
export function failureOfAll({ done, failed }: Outcomes<unknown>, what: string): ClusterError | undefined {
  const [first] = failed.values();
  if (first === undefined) return undefined;
  const reasons = new Map<string, string[]>();
  for (const [node, error] of failed)
    reasons.set(reasonOf(error), [...(reasons.get(reasonOf(error)) ?? []), node.name]);
  const details = [...reasons].map(([reason, names]) => `${reason} (${namesOf(names)})`).join('; ');
  const elsewhere = done.size > 0 ? `. ${what} on the other ${done.size} ${done.size === 1 ? 'node' : 'nodes'}` : '';
  const { status, code } = first instanceof ClusterError ? first : { status: 500, code: 'ENGINE_ANSWER' };
  return new ClusterError(`${details}${elsewhere}`, { code, status, cause: first });
}

function namesOf(nodes: readonly string[]): string {
  return `${nodes.length === 1 ? 'node' : 'nodes'} ${[...nodes].sort().join(', ')}`;
}
