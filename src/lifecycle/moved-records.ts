import type { Node } from '../cluster/node.ts';
import { switched, withoutStale } from '../desired/move-edits.ts';
import type { ProvisionalDeps } from './deps.ts';
import type { Member } from './drafts.ts';

interface MovedRecord {
  readonly key: string | undefined;
  readonly attempt: string;
}

/** The records of containers that are made anew on a node. */
export class MovedRecords {
  readonly #deps: ProvisionalDeps;
  readonly #node: Node;
  /** By the IDs clients know. */
  readonly #records = new Map<string, MovedRecord>();
  readonly #releases: (() => void)[] = [];

  constructor(deps: ProvisionalDeps, node: Node, moving: readonly Member[]) {
    this.#deps = deps;
    this.#node = node;
    for (const { draft, container } of moving) {
      const attempt = deps.attempts.next();
      this.#records.set(draft.id, { key: deps.recorder.recordOf(container)?.key, attempt });
      this.#releases.push(deps.recorder.hold(attempt));
    }
  }

  /** The attempt's label of a container's successor. */
  labelOf(id: string): string {
    return this.#deps.attempts.labelOf(this.#records.get(id)?.attempt ?? '');
  }

  /** Makes the successors the records' containers, durably and in one step; rejects when that cannot be written, and then none of them is. */
  async commit(engineIds: ReadonlyMap<string, string>): Promise<void> {
    const moved = new Map(
      [...this.#records].flatMap(([id, { key, attempt }]) => (key ? [[key, { id, attempt }]] : [])),
    );
    // One of them alone on its new node would be apart from what it is tied to.
    await this.#deps.desired.changeTogether([...moved.keys()], (records) =>
      [...records.values()].flatMap((record) => {
        const { id = '', attempt } = moved.get(record.key) ?? {};
        const generation = record.current.generation + 1;
        const engineId = engineIds.get(id) ?? '';
        return attempt ? [switched(record, { nodeId: this.#node.id, engineId, attempt, generation })] : [];
      }),
    );
  }

  /** The container that the successor was made for is gone from its node. */
  async drop(id: string, engineId: string): Promise<void> {
    const key = this.#records.get(id)?.key;
    if (key === undefined) return;
    await this.#deps.desired.change(key, (record) => {
      const copy = record.stale?.find((each) => each.engineId === engineId);
      return copy ? withoutStale(record, copy) : record;
    });
  }

  /** The move is over: what engines show of its attempts is judged as everything else. */
  release(): void {
    for (const each of this.#releases) each();
  }
}
