import type { Container } from '../cluster/container.ts';
import { MOVE_LABEL } from '../cluster/moves.ts';
import type { Node } from '../cluster/node.ts';
import { sharedStop } from '../common/abort.ts';
import { reasonOf } from '../common/errors.ts';
import type { ProvisionalDeps } from './deps.ts';
import { removeUnstarted } from './on-node.ts';

/** A manager that starts lists a node after the other: what belongs together is judged this many milliseconds after the first sign. */
const GATHER_MS = 1_000;

/**
 * Undoes moves that a killed manager left half done, when both a container that was made anew and the one it was made for are listed,
 * and removes what a move could not remove. No record names what was made, so that nobody has seen it; what was started stays in any case.
 */
export class UnfinishedMoves {
  readonly #deps: ProvisionalDeps;
  readonly #removing = new Map<string, Promise<void>>();
  readonly #waiting = new Set<string>();
  #stop: AbortController | undefined;

  constructor(deps: ProvisionalDeps) {
    this.#deps = deps;
  }

  /** Begins with what is listed by now. Idempotent; may follow {@link stop}. */
  start(): void {
    if (this.#stop) return;
    this.#stop = sharedStop();
    const { signal } = this.#stop;
    const { cluster } = this.#deps;
    cluster.moves.onLeftover = (node, engineId) => this.#remove(node, engineId);
    cluster.onUnfinishedMove = (container) => this.#gather(container, signal);
    for (const container of cluster.containersWithLabel(MOVE_LABEL).containers)
      if (container.id !== container.claimedId) this.#gather(container, signal);
  }

  /** Leaves the rest as it is; resolves when no removal is under way any more. Idempotent. */
  async stop(): Promise<void> {
    const { cluster } = this.#deps;
    cluster.moves.onLeftover = () => undefined;
    cluster.onUnfinishedMove = () => undefined;
    this.#stop?.abort(new Error('moves are not finished here any more'));
    this.#stop = undefined;
    this.#waiting.clear();
    await Promise.all(this.#removing.values());
  }

  #gather({ labels }: Container, signal: AbortSignal): void {
    const move = labels[MOVE_LABEL] ?? '';
    if (this.#waiting.has(move)) return;
    this.#waiting.add(move);
    const resolve = (): void => {
      this.#waiting.delete(move);
      for (const { node, engineId } of superfluous(this.#deps, move)) this.#remove(node, engineId);
    };
    this.#deps.clock.sleep(GATHER_MS, signal).then(resolve, () => undefined); // Stopped meanwhile.
  }

  #remove(node: Node, engineId: string): void {
    if (this.#removing.has(engineId)) return;
    const removing = removeUnstarted(node, engineId)
      .catch((error: unknown) => {
        const found = { node: node.name, id: engineId, reason: reasonOf(error) };
        this.#deps.logger.warn(found, 'leftover of a move was not removed');
      })
      .finally(() => this.#removing.delete(engineId));
    this.#removing.set(engineId, removing);
  }
}

/** What is to be removed so that each container of a move is there once, where it was. */
function superfluous({ cluster, logger }: ProvisionalDeps, move: string): readonly Container[] {
  const made = [...cluster.containersWithLabel(MOVE_LABEL, move).containers];
  const pairs = made.flatMap((successor) => {
    const original = cluster.findContainer(successor.claimedId);
    const isPair = original && original !== successor && original.name === successor.name;
    return isPair ? [{ successor, original }] : [];
  });
  const originals = pairs.map(({ original }) => original);
  const successors = pairs.map(({ successor }) => successor);
  if (made.some(isUsed)) {
    const names = originals.map(({ name }) => name).join(', ');
    logger.warn({ containers: names }, 'duplicate containers after an interrupted move: remove one of each');
    return [];
  }
  return successors;
}

function isUsed({ state }: Container): boolean {
  return state !== 'created';
}
