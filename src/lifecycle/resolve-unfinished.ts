import type { Container } from '../cluster/container.ts';
import { MOVE_LABEL } from '../cluster/moves.ts';
import type { Node } from '../cluster/node.ts';
import { reasonOf } from '../common/errors.ts';
import type { ProvisionalDeps } from './deps.ts';
import { removeUnstarted } from './make-anew.ts';

/** A manager that starts lists a node after the other: what belongs together is judged this many milliseconds after the first sign. */
const GATHER_MS = 1_000;

/**
 * Finishes moves that a killed manager left half done, when both a container that was made anew and the one it was made for are listed,
 * and removes what a move could not remove. A move that made everything is carried on to its end, one that did not is undone; what
 * was started stays in any case.
 */
export function resolveUnfinished(deps: ProvisionalDeps): void {
  const { clock, cluster } = deps;
  const removing = new Set<string>();
  const waiting = new Set<string>();
  const remove = (node: Node, engineId: string): void => {
    if (removing.has(engineId)) return;
    removing.add(engineId);
    void removeUnstarted(node, engineId)
      .catch((error: unknown) => {
        const found = { node: node.name, id: engineId, reason: reasonOf(error) };
        deps.logger.warn(found, 'leftover of a move was not removed');
      })
      .finally(() => removing.delete(engineId));
  };
  cluster.moves.onLeftover = remove;
  const onUnfinished = ({ labels }: Container): void => {
    const move = labels[MOVE_LABEL] ?? '';
    if (waiting.has(move)) return;
    waiting.add(move);
    void clock.sleep(GATHER_MS).then(() => {
      waiting.delete(move);
      for (const { node, engineId } of superfluous(deps, move)) remove(node, engineId);
    });
  };
  cluster.onUnfinishedMove = onUnfinished;
  for (const container of cluster.containersWithLabel(MOVE_LABEL).containers)
    if (container.id !== container.claimedId) onUnfinished(container);
}

/** What is to be removed so that each container of a move is there once. */
function superfluous({ cluster, logger }: ProvisionalDeps, move: string): readonly Container[] {
  const made = [...cluster.containersWithLabel(MOVE_LABEL, move).containers];
  const pairs = made.flatMap((successor) => {
    const original = cluster.findContainer(successor.claimedId);
    const isPair = original && original !== successor && original.name === successor.name;
    return isPair ? [{ successor, original }] : [];
  });
  const originals = pairs.map(({ original }) => original);
  const successors = pairs.map(({ successor }) => successor);
  const areOriginalsUsed = originals.some(isUsed);
  const areSuccessorsUsed = made.some(isUsed);
  if (areOriginalsUsed && areSuccessorsUsed) {
    const names = originals.map(({ name }) => name).join(', ');
    logger.warn({ containers: names }, 'duplicate containers after an interrupted move: remove one of each');
    return [];
  }
  const isComplete = made.length >= Number(move.split('/')[1]);
  return areSuccessorsUsed || (isComplete && !areOriginalsUsed) ? originals : successors;
}

function isUsed({ state }: Container): boolean {
  return state !== 'created';
}
