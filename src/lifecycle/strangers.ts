import type { Node } from '../cluster/node.ts';
import type { Logger } from '../common/logger.ts';
import type { ContainerSummary } from '../engine/types.ts';

/** Named in one line at most. */
const MAX_NAMED = 5;

/** Containers that were made for another state or cluster, or whose record is lost: left alone, and told once. */
export class Strangers {
  readonly #logger: Logger;
  readonly #byNode = new Map<Node, ReadonlyMap<string, string>>();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** What a node has of them now. */
  set(node: Node, summaries: readonly ContainerSummary[]): void {
    const before = this.#byNode.get(node);
    const now = new Map(summaries.map(({ Id, Names }) => [Id, (Names?.[0] ?? Id.slice(0, 12)).replace(/^\//, '')]));
    if (now.size === 0) this.#byNode.delete(node);
    else this.#byNode.set(node, now);
    const news = [...now].flatMap(([id, name]) => (before?.has(id) ? [] : name));
    if (news.length > 0) this.#logger.warn({ node: node.name }, `${told(news)}: ${WHY}`);
  }

  forget(node: Node): void {
    this.#byNode.delete(node);
  }

  /** One line for `docker info`; none when there are none. */
  problems(): readonly string[] {
    const names = [...this.#byNode].flatMap(([node, containers]) =>
      [...containers].flatMap(([id, name]) => (node.containers.has(id) ? name : [])),
    );
    return names.length === 0 ? [] : [`WARNING: ${told(names)}: ${WHY}`];
  }
}

const WHY =
  'made by a manager with another state; left alone, and not moved when a node is lost. Import that state (enxame state import), or create them anew';

function told(names: readonly string[]): string {
  const first = [...names].sort().slice(0, MAX_NAMED).join(', ');
  const more = names.length > MAX_NAMED ? ` and ${names.length - MAX_NAMED} more` : '';
  return `${names.length === 1 ? 'container' : 'containers'} ${first}${more}`;
}
