import type { Node } from '../cluster/node.ts';
import { failureOfAll, onEach } from '../common/every-node.ts';
import type { ApiVersion } from '../engine/api-version.ts';
import { EngineAnswerError } from '../engine/exchange.ts';
import { holdersAway } from './refusals.ts';

/** Bound on one engine's create or removal, in milliseconds. */
const CALL_MS = 60_000;
/**
 * From API 1.42 on a substrate manager also looks among swarm-mode's cluster volumes, which an older substrate leader
 * refuses ("unknown method ListVolumes"); asked in 1.41 it knows its own volumes only.
 */
const LOCAL_VOLUMES_API: ApiVersion = '1.41';

/** Has a node make a volume from the text of a create body. Resolves with its answer, once the model lists the volume. */
export async function makeOn(node: Node, body: string, signal?: AbortSignal): Promise<object> {
  const request = { method: 'POST', path: '/volumes/create', body, signal, timeoutMs: CALL_MS };
  const answer = await node.client.json<object>(request);
  await node.refreshVolumes();
  return answer;
}

export function inspectOn(node: Node, name: string, signal: AbortSignal): Promise<object> {
  return node.client.json<object>({ method: 'GET', path: pathOf(name), api: LOCAL_VOLUMES_API, signal });
}

/** Removes a volume from one node; rejects when something there uses it, or when it is not there. */
export async function removeOn(node: Node, name: string): Promise<void> {
  await node.client.json({ method: 'DELETE', path: pathOf(name), api: LOCAL_VOLUMES_API, timeoutMs: CALL_MS });
  await node.refreshVolumes();
}

/**
 * Removes a volume from all that hold it, or, when one of them is away, from none. A node that has it no longer is fine. Rejects with the
 * engine's own error for a volume of one node, else with every failure, by node.
 */
export async function removeFromAll(
  holders: readonly Node[],
  name: string,
  isForced: boolean,
  signal: AbortSignal,
): Promise<void> {
  const away = holders.filter(({ isHealthy }) => !isHealthy);
  if (away.length > 0) throw holdersAway(name, away);
  const path = `${pathOf(name)}${isForced ? '?force=1' : ''}`;
  const request = { method: 'DELETE', path, api: LOCAL_VOLUMES_API, signal, timeoutMs: CALL_MS } as const;
  const outcomes = await onEach(holders, async (node) => {
    try {
      await node.client.json(request);
    } catch (error) {
      if (!(error instanceof EngineAnswerError && error.status === 404)) throw error;
    } finally {
      await node.refreshVolumes();
    }
  });
  const [only] = outcomes.failed.values();
  const failure = holders.length === 1 ? only : failureOfAll(outcomes, 'It was removed');
  if (failure !== undefined) throw failure;
}

function pathOf(name: string): string {
  return `/volumes/${encodeURIComponent(name)}`;
}
