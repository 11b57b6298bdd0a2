import pLimit from 'p-limit';
import { ClusterError, EngineError, reasonOf } from './errors.ts';

/** A node, as far as it matters here: what errors call it. */
interface Named {
  readonly name: string;
}

/** The outcome of an operation on several nodes: what each answered, or why it failed. */
export interface Outcomes<N, T> {
  readonly done: ReadonlyMap<N, T>;
  readonly failed: ReadonlyMap<N, unknown>;
}

/** Nodes worked on at once. */
const AT_ONCE = 32;

/** Does the same on several nodes, a bounded number at a time. Never rejects: failures are part of the outcome. */
export async function onEach<N, T>(
  nodes: Iterable<N>,
  work: (node: N) => Promise<T>,
  atOnce: number = AT_ONCE,
): Promise<Outcomes<N, T>> {
  const limit = pLimit(atOnce);
  const done = new Map<N, T>();
  const failed = new Map<N, unknown>();
  const one = async (node: N): Promise<void> => {
    try {
      done.set(node, await work(node));
    } catch (error) {
      failed.set(node, error);
    }
  };
  await Promise.all([...nodes].map((node) => limit(one, node)));
  return { done, failed };
}

/**
 * Asks nodes one after the other until one answers; `next` chooses among those not asked in vain yet, `onLost` is told of each that did
 * not answer, and may throw to end it. Rejects with the last failure, or 500 when there is no node to ask.
 */
export async function firstAnswer<N, T>(
  next: (asked: ReadonlySet<N>) => N | undefined,
  ask: (node: N) => Promise<T>,
  onLost: (node: N, error: unknown) => void,
): Promise<T> {
  const asked = new Set<N>();
  let lost: unknown = new EngineError('No healthy node available in the cluster', 'NO_HEALTHY_NODE', undefined, 500);
  for (let node = next(asked); node !== undefined; node = next(asked)) {
    try {
      return await ask(node);
    } catch (error) {
      onLost(node, error);
      asked.add(node);
      lost = error;
    }
  }
  throw lost;
}

/**
 * One error for all failures: the first one's status, the engines' words and the nodes; `success` says what happened on the others.
 * Undefined without a failure.
 */
export function failureOfAll({ done, failed }: Outcomes<Named, unknown>, success: string): ClusterError | undefined {
  const [first] = failed.values();
  if (first === undefined) return undefined;
  const reasons = new Map<string, string[]>();
  for (const [node, error] of failed)
    reasons.set(reasonOf(error), [...(reasons.get(reasonOf(error)) ?? []), node.name]);
  const details = [...reasons].map(([reason, names]) => `${reason} (${namesOf(names)})`).join('; ');
  const elsewhere = done.size > 0 ? `. ${success} on the other ${done.size} ${done.size === 1 ? 'node' : 'nodes'}` : '';
  const { status, code } = first instanceof ClusterError ? first : { status: 500, code: 'ENGINE_ANSWER' };
  return new ClusterError(`${details}${elsewhere}`, { code, status, cause: first });
}

function namesOf(nodes: readonly string[]): string {
  return `${nodes.length === 1 ? 'node' : 'nodes'} ${[...nodes].sort().join(', ')}`;
}
