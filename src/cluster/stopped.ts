import type { Node } from './node.ts';

/** Pauses between two looks, in milliseconds: half a second in all. */
const PAUSES_MS = [0, 5, 10, 20, 40, 80, 160, 200];
const UP = new Set(['running', 'paused', 'restarting']);

/**
 * Lists a container that its engine says has stopped until the listing shows it too: engines answer a wait or a kill
 * before their own listing knows. Half a second at most, for one that is started again meanwhile. Rejects when the engine
 * does not answer.
 */
export async function refreshStopped(node: Node, engineId: string): Promise<void> {
  for (const pauseMs of PAUSES_MS) {
    if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
    await node.refreshContainers([engineId]);
    const container = node.containers.get(engineId);
    if (!container || !UP.has(container.state)) return;
  }
}
