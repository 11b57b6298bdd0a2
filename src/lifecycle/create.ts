import type { Container } from '../cluster/container.ts';
import { reasonOf, SchedulingError } from '../common/errors.ts';
import { type EngineAnswer, messageOf } from '../engine/exchange.ts';
import type { LifecycleContext } from './lifecycle.ts';
import { createOn, prepareNode } from './on-node.ts';
import { type Place, place } from './place.ts';
import { randomName } from './random-name.ts';
import { type CreateRequest, readWanted, type Wanted, withName } from './wanted.ts';

/** Nodes tried when the chosen one refuses connections before it got the request. */
const MAX_NODES_TRIED = 3;
const MAX_NAMES_TRIED = 3;

/**
 * See `ContainerLifecycle.create`. A container that the client did not name gets its name here, because engines that choose names
 * do not know each other's. A name the client asked for is never changed.
 */
export async function createContainer(context: LifecycleContext, request: CreateRequest): Promise<EngineAnswer> {
  const wanted = readWanted(context, request);
  if (wanted.name !== undefined) return await named(context, wanted, wanted.name);
  for (let tried = 1; ; tried++) {
    const name = randomName((each) => context.cluster.names.isFree(each));
    const answer = await named(context, withName(wanted, name), name);
    // Somebody else made a container of this name on that engine, which has not been listed yet.
    const isTaken = answer.statusCode === 409 && messageOf(answer.body).includes('already in use');
    if (!isTaken || tried === MAX_NAMES_TRIED) return answer;
  }
}

async function named(context: LifecycleContext, wanted: Wanted, name: string): Promise<EngineAnswer> {
  const release = context.cluster.names.reserve(name);
  try {
    return await onSomeNode(context, wanted);
  } finally {
    release();
  }
}

/**
 * Creates on the best node; on the next best when a node turns out to be unreachable before it got anything and, as often
 * as the cluster's options allow, when an engine fails at it. What the last engine said is the answer when no node is left.
 */
async function onSomeNode(context: LifecycleContext, wanted: Wanted): Promise<EngineAnswer> {
  const excluded = new Map<string, string>();
  let retries = context.createRetries;
  let failed: EngineAnswer | undefined;
  for (let tried = 1; ; tried++) {
    const placement = await placeAgain(context, wanted, excluded, failed);
    if (!placement) return failed as EngineAnswer;
    let isCreated = false;
    try {
      const answer = await onNode(context, wanted, placement);
      isCreated = answer.statusCode === 201;
      if (answer.statusCode < 500 || retries === 0) return answer;
      retries -= 1;
      failed = answer;
      excluded.set(placement.node.id, messageOf(answer.body));
    } catch (error) {
      if (tried >= MAX_NODES_TRIED || !isRefusedConnection(error)) throw error;
      excluded.set(placement.node.id, reasonOf(error));
    } finally {
      placement.release();
      if (!isCreated) placement.claim.undo();
    }
  }
}

/** Undefined when an engine failed at it already and no other node would take it. */
async function placeAgain(
  context: LifecycleContext,
  wanted: Wanted,
  excluded: ReadonlyMap<string, string>,
  failed: EngineAnswer | undefined,
): Promise<Place | undefined> {
  try {
    return await place(context, wanted, excluded);
  } catch (error) {
    if (failed && error instanceof SchedulingError) return undefined;
    throw error;
  }
}

async function onNode(context: LifecycleContext, wanted: Wanted, placement: Place): Promise<EngineAnswer> {
  const { node } = placement;
  const { signal } = wanted.request;
  const [image] = await Promise.all([
    prepareNode(context, wanted, node, signal),
    context.volumes.settle(node, wanted.references.volumes, signal),
  ]);
  const answer = await createOn(context, wanted, node, { image, signal });
  if (answer.statusCode !== 201) return answer;
  return await created(context, wanted, placement, answer);
}

/** From the engine's answer to the client's: the placement becomes the container, which the model shows. */
async function created(
  context: LifecycleContext,
  wanted: Wanted,
  placement: Place,
  answer: EngineAnswer,
): Promise<EngineAnswer> {
  const { node, claim } = placement;
  const made = JSON.parse(answer.body.toString()) as {
    readonly Id: string;
    readonly Warnings?: readonly string[] | null;
  };
  placement.settle(made.Id);
  // A link is a name of the container it leads to, too.
  const linked = wanted.parsed.request.dependencies.flatMap(({ option, container: name }) =>
    option === '--link' ? (context.cluster.findContainer(name)?.engineId ?? []) : [],
  );
  await node.refreshContainers([made.Id, ...linked]);
  const container = node.containers.get(made.Id);
  warnOfSameName(context, container);
  const id = container ? container.id : made.Id;
  if (container) context.drafts.add(id, wanted, claim.names);
  const warnings = [...(made.Warnings ?? []), ...wanted.parsed.warnings];
  return { ...answer, body: Buffer.from(`${JSON.stringify({ Id: id, Warnings: warnings })}\n`) };
}

/** Another manager, or somebody at an engine, may have made one of the same name meanwhile. Both stay as they are. */
function warnOfSameName({ cluster, logger }: LifecycleContext, container: Container | undefined): void {
  const same = container ? cluster.containersNamed(container.name) : [];
  if (same.length < 2) return;
  const nodes = same.map(({ node }) => node.name).join(', ');
  logger.warn({ name: container?.name, nodes }, 'several containers have one name: rename or remove one of them');
}

/** The node got nothing: another one may be asked without creating twice. */
function isRefusedConnection(error: unknown): boolean {
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    if (['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH'].includes((cause as NodeJS.ErrnoException).code ?? ''))
      return true;
  }
  return false;
}
