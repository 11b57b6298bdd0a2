import type { Node } from '../cluster/node.ts';
import { reasonOf } from '../common/errors.ts';
import { withoutStale } from '../desired/move-edits.ts';
import type { ContainerRecord, Copy } from '../desired/record.ts';
import { type EngineAnswer, EngineAnswerError, messageOf } from '../engine/exchange.ts';
import type { ProvisionalDeps } from './deps.ts';

/** Bound on a removal, and on a start that undoes, in milliseconds. */
const CALL_MS = 60_000;
/** Bound on stopping: a container's own grace period may be long. */
const STOP_MS = 3_600_000;

/** The engine's ID of a copy; undefined when the engine has no such container. Rejects when it cannot be asked. */
export async function findCopy(node: Node, label: string): Promise<string | undefined> {
  const filters = encodeURIComponent(JSON.stringify({ label: [`${node.attemptLabel}=${label}`] }));
  const path = `/containers/json?all=1&filters=${filters}`;
  const [found] = await node.client.json<readonly { readonly Id: string }[]>({
    method: 'GET',
    path,
    timeoutMs: CALL_MS,
  });
  return found?.Id;
}

/** Removes a copy whether it runs or not. Resolves when it is gone. */
export async function removeCopy(node: Node, engineId: string, keepsVolumes: boolean): Promise<void> {
  const path = `/containers/${engineId}?force=1${keepsVolumes ? '' : '&v=1'}`;
  const answer = await node.client.request({ method: 'DELETE', path, timeoutMs: CALL_MS });
  // What removed it before is about to: `--rm` at its end, or a call that broke.
  if (answer.statusCode === 409 && messageOf(answer.body).includes('already in progress')) return;
  assertDone(answer, [404]);
}

/** Stops a copy with its own grace period; one that does not run, or is gone, is stopped. */
export async function stopCopy(node: Node, engineId: string, signal?: AbortSignal): Promise<void> {
  const path = `/containers/${engineId}/stop`;
  assertDone(await node.client.request({ method: 'POST', path, timeoutMs: STOP_MS, signal }), [404]);
}

/** Whether a record's container is to be a process, paused or not. */
export function runsWanted({ wanted, ended }: Pick<ContainerRecord, 'wanted' | 'ended'>): boolean {
  return !ended && (wanted === 'running' || wanted === 'paused');
}

/** Brings a copy that was stopped for a move which came to nothing to what is wanted of it. */
export async function bringBack(
  node: Node,
  engineId: string,
  record: Pick<ContainerRecord, 'wanted' | 'ended'>,
): Promise<void> {
  if (!runsWanted(record)) return;
  const ask = (what: string): Promise<EngineAnswer> =>
    node.client.request({ method: 'POST', path: `/containers/${engineId}/${what}`, timeoutMs: CALL_MS });
  assertDone(await ask('start'), []);
  // Of one that is paused already, as a start leaves it.
  if (record.wanted === 'paused') assertDone(await ask('pause'), [409]);
}

/** Stops and removes a copy that another one took the place of, and forgets it; what cannot be reached stays noted as stale. Never rejects. */
export async function endStale(deps: ProvisionalDeps, record: ContainerRecord, copy: Copy): Promise<void> {
  const { cluster, desired, logger, endpoint } = deps;
  const node = cluster.node(copy.nodeId);
  if (copy.engineId === undefined || node?.id !== copy.nodeId || !node.isHealthy) return;
  try {
    await endpoint?.drain({ id: record.id ?? '', engineId: copy.engineId }, 'moved');
    await stopCopy(node, copy.engineId);
    // Its anonymous volumes hold what the move did not take along.
    await removeCopy(node, copy.engineId, true);
    cluster.removeContainer(node, copy.engineId);
    await desired.change(record.key, (each) => withoutStale(each, copy));
  } catch (error) {
    const fields = { container: record.name, node: node.name, reason: reasonOf(error) };
    logger.warn(
      fields,
      'the old copy of a moved container was not removed; it is ended when its node is connected anew',
    );
  } finally {
    endpoint?.resume(copy.engineId);
  }
}

function assertDone({ statusCode, body }: EngineAnswer, passing: readonly number[]): void {
  if (statusCode >= 400 && !passing.includes(statusCode)) throw new EngineAnswerError(messageOf(body), statusCode);
}
