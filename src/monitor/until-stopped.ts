import type { Node } from '../cluster/node.ts';
import type { Clock } from '../common/clock.ts';
import { retry } from '../common/retry.ts';

/** Pauses between two looks, in milliseconds: half a second in all. */
const PAUSES_MS = [5, 10, 20, 40, 80, 160, 200];
const UP = new Set(['running', 'paused', 'restarting']);

/** Lists a container until it is shown as stopped or gone; see `NodeRefresher.refreshStopped`. */
export async function refreshUntilStopped(node: Node, engineId: string, clock: Clock): Promise<void> {
  const isShown = (): boolean => !UP.has(node.held(engineId)?.state ?? '');
  await retry(clock, () => node.refreshContainers([engineId]), {
    backoff: (failures) => PAUSES_MS[failures - 1],
    until: isShown,
    passes: () => false,
  });
}
