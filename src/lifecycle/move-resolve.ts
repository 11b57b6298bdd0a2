import type { Node } from '../cluster/node.ts';
import { reasonOf } from '../common/errors.ts';
import { switched, undone } from '../desired/move-edits.ts';
import type { ContainerRecord, Copy } from '../desired/record.ts';
import { EngineAnswerError } from '../engine/exchange.ts';
import { endStale, findCopy, removeCopy, startAgain, stopCopy } from './move-copy.ts';
import type { MoveDeps } from './move-order.ts';
import { type EngineStatus, statusOf } from './move-ready.ts';
import { commitVolumes, removeHelpers, undoVolumes } from './move-volumes.ts';

/**
 * Resolves a move that nobody carries out any more, from the record alone: finished when the successor does what is wanted and the old copy
 * does not, else undone. A copy that runs alone is never ended. Where the successor's node does not answer, it is noted as stale.
 */
export async function resolveMove(deps: MoveDeps, record: ContainerRecord): Promise<ContainerRecord | undefined> {
  const { desired, logger } = deps;
  const { move, current, name } = record;
  if (!move) return record;
  const made = await look(deps, move.to);
  const old = await look(deps, current);
  const { carried } = move;
  const isWhole = carried === undefined || carried.isCopied === true;
  if (made?.status && isWhole && isWanted(record, made.status) && !(old?.status && isWanted(record, old.status))) {
    const { engineId } = made;
    await made.node.refreshContainers([engineId]).catch(() => undefined); // Listed again in any case.
    if (carried) {
      await removeHelpers(deps, move);
      await commitVolumes(deps, record, move.to.nodeId, carried);
    }
    const done = await desired.change(record.key, (each) =>
      each.move?.to.attempt === move.to.attempt ? switched(each, { ...move.to, engineId }) : each,
    );
    logger.info({ container: name, node: made.node.name }, 'an interrupted move was finished');
    // A client stopped it while the move could not be undone.
    if (done?.wanted === 'stopped' && made.status.Running)
      await stopCopy(made.node, engineId).catch((error: unknown) => warn(deps, record, error));
    if (done) await endStale(deps, done, current);
    return done;
  }
  const isGone = made !== undefined && (made.engineId === '' || (await isRemoved(deps, made.node, made.engineId)));
  if (old?.status && record.wanted === 'running' && !old.status.Running && move.how === 'stop-first')
    await startAgain(old.node, old.engineId).catch((error: unknown) => warn(deps, record, error));
  if (carried) {
    await removeHelpers(deps, move);
    await undoVolumes(deps, record, move.to.nodeId, carried);
  }
  logger.info({ container: name }, 'an interrupted move was undone');
  return desired.change(record.key, (each) => undone(each, move.to.attempt, isGone));
}

interface Seen {
  readonly node: Node;
  /** Empty when the engine has no such container. */
  readonly engineId: string;
  readonly status: EngineStatus | undefined;
}

/** A copy as its engine knows it; undefined when that cannot be asked. */
async function look({ cluster, attempts }: MoveDeps, { nodeId, engineId, attempt }: Copy): Promise<Seen | undefined> {
  const node = cluster.node(nodeId);
  if (node?.id !== nodeId || !node.isHealthy) return undefined;
  try {
    const known = engineId ?? (await findCopy(node, attempts.labelOf(attempt)));
    if (known === undefined) return { node, engineId: '', status: undefined };
    return { node, engineId: known, status: await statusOf({ node, engineId: known }) };
  } catch (error) {
    if (error instanceof EngineAnswerError && error.status === 404) return { node, engineId: '', status: undefined };
    return undefined;
  }
}

function isWanted({ wanted }: ContainerRecord, { Running }: EngineStatus): boolean {
  return wanted === 'running' || wanted === 'paused' ? Running === true : true;
}

async function isRemoved(deps: MoveDeps, node: Node, engineId: string): Promise<boolean> {
  try {
    await removeCopy(node, engineId, false);
    deps.cluster.removeContainer(node, engineId);
    return true;
  } catch (error) {
    deps.logger.warn({ node: node.name, id: engineId, reason: reasonOf(error) }, 'leftover of a move was not removed');
    return false;
  }
}

function warn({ logger }: MoveDeps, { name }: ContainerRecord, error: unknown): void {
  logger.warn(
    { container: name, reason: reasonOf(error) },
    'a container was not brought to what is wanted of it after an interrupted move',
  );
}
