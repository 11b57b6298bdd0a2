import { randomBytes } from 'node:crypto';
import type { Container } from '../cluster/container.ts';
import { EngineError, reasonOf } from '../common/errors.ts';
import { EngineAnswerError, messageOf } from '../engine/exchange.ts';
import type { LifecycleContext } from './lifecycle.ts';
import { createOn, prepareNode } from './on-node.ts';
import type { Moving, Regrouping } from './regroup.ts';

/** Bound on preparing a node and on each call to its engine, in milliseconds; images may have to be copied. */
const PREPARE_MS = 300_000;
const CALL_MS = 60_000;

/**
 * Makes containers that were never started, and volumes that nobody has used, on another node: first everything new, hidden; then, in one
 * step, the new ones are shown instead of the old ones; then the old ones are removed. Until that step any failure leaves everything as it
 * was, after it nothing can fail that clients would see.
 */
export async function makeAnew(context: LifecycleContext, regrouping: Regrouping): Promise<void> {
  const { node, volumes } = regrouping;
  const moving = inOrder(regrouping.moving);
  const signal = AbortSignal.timeout(PREPARE_MS);
  const images = await Promise.all(moving.map(({ draft }) => prepareNode(context, draft.wanted, node, signal)));
  const { moves } = context.cluster;
  const move = `${randomBytes(8).toString('hex')}/${moving.length}`;
  const engineIds = new Map<string, string>();
  const madeVolumes: string[] = [];
  moves.open(move);
  try {
    for (const [name, home] of volumes) {
      moves.quietVolume(node, name, 'create');
      await context.volumes.makeLike(name, home, node);
      madeVolumes.push(name);
    }
    for (const [i, { draft }] of moving.entries()) {
      const successor = { id: draft.id, move, engineIds };
      const options = { image: images[i] ?? '', signal: AbortSignal.timeout(CALL_MS), successor };
      const answer = await createOn(context, draft.wanted, node, options);
      if (answer.statusCode !== 201) throw new EngineError(messageOf(answer.body), 'ENGINE_ANSWER');
      engineIds.set(draft.id, (JSON.parse(answer.body.toString()) as { readonly Id: string }).Id);
    }
    await node.refreshContainers([...engineIds.values()]);
    if (moves.listed(move) < moving.length) throw new EngineError(`${node.name} does not list what it made`);
    await Promise.all(moving.map(assertUnused));
  } catch (error) {
    moves.abandon(move);
    await undo(context, regrouping, [...engineIds.values()], madeVolumes);
    throw error;
  }
  for (const { draft, holder, reservation } of moving) {
    node.ledger.remove(holder);
    node.ledger.put(engineIds.get(draft.id) ?? '', reservation);
  }
  context.cluster.completeMove(
    move,
    moving.map(({ container }) => container),
  );
  await cleanUp(context, regrouping);
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

/** Somebody may have started it at its engine without our having heard of it yet. */
async function assertUnused({ container: { node, engineId, name } }: Moving): Promise<void> {
  type State = { readonly State?: { readonly Status?: string } };
  const path = `/containers/${engineId}/json`;
  const { State } = await node.client.json<State>({ method: 'GET', path, timeoutMs: CALL_MS });
  if (State?.Status !== 'created') throw new EngineError(`${name} was started meanwhile`);
}

/** Removes what was made. What cannot be removed now stays hidden, and goes when its engine lists it again. */
async function undo(
  context: LifecycleContext,
  { node }: Regrouping,
  engineIds: readonly string[],
  volumes: readonly string[],
): Promise<void> {
  const list = [...engineIds].reverse();
  for (const id of list) await attempt(context, () => removeUnstarted(node, id));
  for (const name of volumes) {
    context.cluster.moves.quietVolume(node, name, 'destroy');
    await attempt(context, () => context.volumes.discard(name, node));
  }
}

/** Removes what is not shown any more. */
async function cleanUp(context: LifecycleContext, { moving, volumes }: Regrouping): Promise<void> {
  for (const { container } of [...inOrder(moving)].reverse())
    await attempt(context, () => removeUnstarted(container.node, container.engineId));
  for (const [name, home] of volumes) {
    context.cluster.moves.quietVolume(home, name, 'destroy');
    await attempt(context, () => context.volumes.discard(name, home));
  }
}

/** Removes a container with its anonymous volumes, unless it runs: without force the engine refuses that. */
export async function removeUnstarted(node: Container['node'], engineId: string): Promise<void> {
  try {
    const path = `/containers/${engineId}?v=1`;
    await node.client.json({ method: 'DELETE', path, timeoutMs: CALL_MS });
  } catch (error) {
    if (!(error instanceof EngineAnswerError && error.status === 404)) throw error;
  }
}

async function attempt({ logger }: LifecycleContext, action: () => Promise<void>): Promise<void> {
  await action().catch((error: unknown) => {
    logger.warn({ reason: reasonOf(error) }, 'something that was made anew on another node was not removed');
  });
}
