import { randomBytes } from 'node:crypto';
import type { Node } from '../cluster/node.ts';
import { EngineError, reasonOf } from '../common/errors.ts';
import { messageOf } from '../engine/exchange.ts';
import type { Reservation } from '../scheduler/reservation.ts';
import type { ProvisionalDeps } from './deps.ts';
import type { Member } from './drafts.ts';
import { MovedRecords } from './moved-records.ts';
import { createOn, prepareNode, removeUnstarted } from './on-node.ts';

/** Bound on preparing a node and on each call to its engine, in milliseconds; images may have to be copied. */
const PREPARE_MS = 300_000;
const CALL_MS = 60_000;

/** A container to be made on the node that was chosen for it, and what it holds there until then. */
export interface Moving extends Member {
  readonly reservation: Reservation;
  /** The holder's key in the node's ledger. */
  readonly holder: string;
}

/** Where a container goes and what has to be made anew to be with it. */
export interface Regrouping {
  readonly node: Node;
  readonly moving: readonly Moving[];
  /** Volumes to be made on the node, with the nodes they are on. */
  readonly volumes: ReadonlyMap<string, Node>;
}

/**
 * Makes containers that were never started, and unused volumes, on another node: first everything new, hidden; then, in one
 * step, the new ones are shown instead of the old ones; then the old ones are removed. Until that step any failure leaves everything as it
 * was, after it nothing can fail that clients would see.
 */
export async function makeAnew(deps: ProvisionalDeps, regrouping: Regrouping): Promise<void> {
  const { node, volumes } = regrouping;
  const moving = inOrder(regrouping.moving);
  const signal = AbortSignal.timeout(PREPARE_MS);
  const images = await Promise.all(
    moving.map(({ draft }) => prepareNode(deps, draft.spec, node, { registryAuth: draft.registryAuth, signal })),
  );
  const { moves } = deps.cluster;
  const move = `${randomBytes(8).toString('hex')}/${moving.length}`;
  const engineIds = new Map<string, string>();
  const records = new MovedRecords(deps, node, moving);
  const madeVolumes: string[] = [];
  moves.open(move);
  try {
    for (const [name, home] of volumes) {
      moves.quietVolume(node, name, 'create');
      await deps.volumes.makeLike(name, home, node);
      madeVolumes.push(name);
    }
    for (const [i, { draft }] of moving.entries()) {
      const successor = { id: draft.id, move, engineIds };
      const options = {
        image: images[i] ?? '',
        attempt: records.labelOf(draft.id),
        signal: AbortSignal.timeout(CALL_MS),
        successor,
      };
      const answer = await createOn(deps, draft.spec, node, options);
      if (answer.statusCode !== 201) throw new EngineError(messageOf(answer.body), 'ENGINE_ANSWER');
      engineIds.set(draft.id, (JSON.parse(answer.body.toString()) as { readonly Id: string }).Id);
    }
    await node.refreshContainers([...engineIds.values()]);
    if (moves.listed(move) < moving.length) throw new EngineError(`${node.name} does not list the new containers`);
    await Promise.all(moving.map(assertUnused));
    await records.commit(engineIds);
  } catch (error) {
    moves.abandon(move);
    records.release();
    await undo(deps, regrouping, [...engineIds.values()], madeVolumes);
    throw error;
  }
  for (const { draft, holder, reservation } of moving) {
    node.ledger.remove(holder);
    node.ledger.put(engineIds.get(draft.id) ?? '', reservation);
  }
  deps.cluster.completeMove(
    move,
    moving.map(({ container }) => container),
  );
  records.release();
  await cleanUp(deps, regrouping, records);
}

/** Those that others refer to first. */
function inOrder(moving: readonly Moving[]): readonly Moving[] {
  const byId = new Map(moving.map((each) => [each.draft.id, each]));
  const ordered = new Set<Moving>();
  const visit = (each: Moving | undefined): void => {
    if (!each || ordered.has(each)) return;
    for (const id of each.draft.dependencies) visit(byId.get(id));
    ordered.add(each);
  };
  for (const each of moving) visit(each);
  return [...ordered];
}

/** It may have been started at its engine, and the event of it be still on its way. */
async function assertUnused({ container: { node, engineId, name } }: Moving): Promise<void> {
  type State = { readonly State?: { readonly Status?: string } };
  const path = `/containers/${engineId}/json`;
  const { State } = await node.client.json<State>({ method: 'GET', path, timeoutMs: CALL_MS });
  if (State?.Status !== 'created') throw new EngineError(`${name} was started meanwhile`);
}

/** Removes what was made. What cannot be removed now stays hidden, and goes when its engine lists it again. */
async function undo(
  deps: ProvisionalDeps,
  { node }: Regrouping,
  engineIds: readonly string[],
  volumes: readonly string[],
): Promise<void> {
  const list = [...engineIds].reverse();
  for (const id of list) await attempt(deps, () => removeUnstarted(node, id));
  for (const name of volumes) {
    deps.cluster.moves.quietVolume(node, name, 'destroy');
    await attempt(deps, () => deps.volumes.discard(name, node));
  }
}

/** Removes what is not shown any more. */
async function cleanUp(deps: ProvisionalDeps, { moving, volumes }: Regrouping, records: MovedRecords): Promise<void> {
  for (const { draft, container } of [...inOrder(moving)].reverse())
    await attempt(deps, async () => {
      await removeUnstarted(container.node, container.engineId);
      await records.drop(draft.id, container.engineId);
    });
  for (const [name, home] of volumes) {
    deps.cluster.moves.quietVolume(home, name, 'destroy');
    await attempt(deps, () => deps.volumes.discard(name, home));
  }
}

async function attempt({ logger }: ProvisionalDeps, action: () => Promise<void>): Promise<void> {
  await action().catch((error: unknown) => {
    logger.warn({ reason: reasonOf(error) }, 'leftover of a move was not removed');
  });
}
