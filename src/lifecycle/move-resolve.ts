import type { Node } from '../cluster/node.ts';
import { reasonOf } from '../common/errors.ts';
import { switched, undoing, undone } from '../desired/move-edits.ts';
import type { ContainerRecord, Copy, OpenMove } from '../desired/record.ts';
import { EngineAnswerError } from '../engine/exchange.ts';
import { isForPrimary } from '../kv/lease.ts';
import { bringBack, endStale, findCopy, removeCopy, runsWanted, stopCopy } from './move-copy.ts';
import type { MoveDeps } from './move-order.ts';
import { type EngineStatus, statusOf } from './move-ready.ts';
import { commitVolumes, removeHelpers, undoVolumes } from './move-volumes.ts';

/** A record with an open move. */
type Moving = ContainerRecord & { readonly move: OpenMove };

/** One container of an interrupted move, with its copies as their engines know them. */
interface Part {
  readonly record: Moving;
  /** Undefined when their engine cannot be asked. */
  readonly made: Seen | undefined;
  readonly old: Seen | undefined;
}

interface Seen {
  readonly node: Node;
  /** Empty when the engine has no such container. */
  readonly engineId: string;
  readonly status: EngineStatus | undefined;
}

/**
 * Resolves a move that nobody carries out any more, from the record alone, or from those of all containers that move as one: finished when the successors
 * do what is wanted and the old copies do not, else undone. A copy that runs alone is never ended, unless it was being undone already: then its removal
 * may be on its way. Where a successor's node does not answer, it is noted as stale. Resolves with the record as it is then.
 */
export async function resolveMove(deps: MoveDeps, record: ContainerRecord): Promise<ContainerRecord | undefined> {
  if (!record.move) return record;
  const moving = movingWith(deps, record) as readonly Moving[];
  const parts: Part[] = [];
  for (const each of moving)
    parts.push({ record: each, made: await look(deps, each.move.to), old: await look(deps, each.current) });
  const isAll = moving.length === (record.move.together?.keys.length ?? 1);
  const { carried } = first(moving).move;
  const isWhole =
    isAll && !moving.some(({ move }) => move.isUndone) && (carried === undefined || carried.isCopied === true);
  const isMade = isWhole && parts.every(({ record: each, made }) => isWanted(each, made));
  if (isMade && !parts.every(({ record: each, old }) => isWanted(each, old))) await finish(deps, parts);
  else await undo(deps, parts);
  return deps.desired.get(record.key);
}

/** The records that move as one with a record, itself included, in their order; those that are gone are missing. */
export function movingWith(
  { desired }: Pick<MoveDeps, 'desired'>,
  record: ContainerRecord,
): readonly ContainerRecord[] {
  const all = record.move?.together;
  if (!all) return [record];
  return all.keys.flatMap((key) => {
    const each = desired.get(key);
    return each?.move?.together?.id === all.id ? each : [];
  });
}

/** The one that has what they carry. */
function first(moving: readonly Moving[]): Moving {
  return moving.find(({ move }) => move.carried) ?? (moving[0] as Moving);
}

async function finish(deps: MoveDeps, parts: readonly Part[]): Promise<void> {
  const { desired, logger } = deps;
  for (const { made } of parts) await made?.node.refreshContainers([made.engineId]).catch(() => undefined); // Listed again in any case.
  const leader = first(parts.map(({ record }) => record));
  if (leader.move.carried) {
    await removeHelpers(deps, leader.move);
    await commitVolumes(deps, leader, leader.move.to.nodeId, leader.move.carried);
  }
  const done = await change(deps, parts, (each, { record: { move, ended }, made }) =>
    switched(each, { ...move.to, engineId: made?.engineId ?? '' }, ended),
  );
  logger.info({ container: namesOf(parts) }, 'an interrupted move was finished');
  for (const { record, made } of parts.toReversed()) {
    const after = done.find(({ key }) => key === record.key);
    if (!after) continue;
    // A client stopped it while the move could not be undone.
    if (desired.get(record.key)?.wanted === 'stopped' && made?.status?.Running)
      await stopCopy(made.node, made.engineId).catch((error: unknown) => warn(deps, record, error));
    await endStale(deps, after, record.current);
  }
}

async function undo(deps: MoveDeps, parts: readonly Part[]): Promise<void> {
  const gone = new Set<string>();
  // Before anything is undone: a primary that takes over would else finish it with successors that are being removed.
  await change(deps, parts, (each, { record: { move } }) => undoing(each, move.to.attempt)).catch((error: unknown) => {
    if (isForPrimary(error)) throw error;
  });
  for (const { record, made } of parts.toReversed())
    if (made && (made.engineId === '' || (await isRemoved(deps, made.node, made.engineId)))) gone.add(record.key);
  for (const { record, old } of parts) {
    if (!old?.status || old.status.Running || record.move.how !== 'stop-first') continue;
    await bringBack(old.node, old.engineId, record).catch((error: unknown) => warn(deps, record, error));
  }
  const leader = first(parts.map(({ record }) => record));
  if (leader.move.carried) {
    await removeHelpers(deps, leader.move);
    await undoVolumes(deps, leader, leader.move.to.nodeId, leader.move.carried);
  }
  deps.logger.info({ container: namesOf(parts) }, 'an interrupted move was undone');
  await change(deps, parts, (each, { record: { key, move } }) => undone(each, move.to.attempt, gone.has(key)));
}

/** Of all records in which the move is open still, at once. */
function change(
  { desired }: MoveDeps,
  parts: readonly Part[],
  edit: (record: ContainerRecord, part: Part) => ContainerRecord,
): Promise<readonly ContainerRecord[]> {
  return desired.changeTogether(
    parts.map(({ record }) => record.key),
    (records) =>
      parts.flatMap((part) => {
        const each = records.get(part.record.key);
        return each?.move?.to.attempt === part.record.move.to.attempt ? edit(each, part) : [];
      }),
  );
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

/** Whether a copy is there and does what is wanted of the container. */
function isWanted(record: ContainerRecord, seen: Seen | undefined): boolean {
  if (!seen?.status) return false;
  return runsWanted(record) ? seen.status.Running === true : true;
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

function namesOf(parts: readonly Part[]): string {
  return parts.map(({ record }) => record.name).join(', ');
}

function warn({ logger }: MoveDeps, { name }: ContainerRecord, error: unknown): void {
  logger.warn(
    { container: name, reason: reasonOf(error) },
    'a container was not brought to what is wanted of it after an interrupted move',
  );
}
