import type { Container } from '../cluster/container.ts';
import type { Node } from '../cluster/node.ts';
import { ConflictError, EngineError, reasonOf, SchedulingError } from '../common/errors.ts';
import { type ContainerSpec, type CreateCall, withName } from '../desired/container-spec.ts';
import type { RecordBody } from '../desired/record.ts';
import { type EngineAnswer, messageOf } from '../engine/exchange.ts';
import { isForPrimary } from '../kv/lease.ts';
import { chooseNode } from './choose-node.ts';
import type { LifecycleOptions, ProvisionalDeps } from './deps.ts';
import { createOn, isRefusedConnection, prepareNode, removeUnstarted } from './on-node.ts';
import { randomName } from './random-name.ts';
import { type ClaimedPlacement, isStrict } from './surroundings.ts';
import { tiesToNode } from './ties-to-node.ts';

/** Nodes tried when the chosen one refuses connections before it got the request. */
const MAX_NODES_TRIED = 3;
const MAX_NAMES_TRIED = 3;

/** One create: a specification, the call that asked for it, and who carries it out. */
interface Create {
  readonly deps: ProvisionalDeps;
  readonly options: LifecycleOptions;
  readonly spec: ContainerSpec;
  readonly call: CreateCall;
}

/**
 * See `ContainerLifecycle.create`. A container that the client did not name gets its name here, because engines that choose names
 * do not know each other's. A name the client asked for is never changed.
 */
export async function createContainer(
  deps: ProvisionalDeps,
  options: LifecycleOptions,
  spec: ContainerSpec,
  call: CreateCall,
): Promise<EngineAnswer> {
  if (isStrict(spec)) assertFenced(deps);
  if (spec.name !== undefined) return await named({ deps, options, spec, call }, spec.name);
  for (let tried = 1; ; tried++) {
    const name = randomName((each) => deps.cluster.names.isFree(each));
    const answer = await named({ deps, options, spec: withName(spec, name), call }, name);
    // A container of this name was made directly at that engine, and has not been listed yet.
    const isTaken = answer.statusCode === 409 && messageOf(answer.body).includes('already in use');
    if (!isTaken || tried === MAX_NAMES_TRIED) return answer;
  }
}

/** Where no node could take it, what it needs is said in one line. */
function assertFenced({ cluster, fences }: ProvisionalDeps): void {
  const { nodes } = cluster;
  if (nodes.length === 0 || fences.refusals().size < nodes.length) return;
  throw new ConflictError(
    `io.enxame.fence=strict needs an agent that ends the container when its node is cut off, and none is heard on any of ${nodes.length} nodes: run "enxame join --fence" on them`,
    'NO_FENCE',
  );
}

async function named(create: Create, name: string): Promise<EngineAnswer> {
  const release = create.deps.cluster.names.reserve(name);
  try {
    return await onSomeNode(create);
  } finally {
    release();
  }
}

/**
 * Creates on the best node; on the next best when a node turns out to be unreachable before it got anything and, as often
 * as the cluster's options allow, when an engine fails at it. The last engine's answer is the client's when no node is left.
 */
async function onSomeNode(create: Create): Promise<EngineAnswer> {
  const excluded = new Map<string, string>();
  let retries = create.options.createRetries;
  let failed: EngineAnswer | undefined;
  for (let tried = 1; ; tried++) {
    const placement = await chooseAgain(create, excluded, failed);
    if (!placement) return failed as EngineAnswer;
    let isCreated = false;
    try {
      const answer = await onNode(create, placement);
      isCreated = answer.statusCode === 201;
      if (answer.statusCode < 500 || retries === 0) return answer;
      retries -= 1;
      failed = answer;
      excluded.set(placement.node.id, messageOf(answer.body));
    } catch (error) {
      isCreated = error instanceof NotListedError;
      if (isCreated || tried >= MAX_NODES_TRIED || !isRefusedConnection(error)) throw error;
      excluded.set(placement.node.id, reasonOf(error));
    } finally {
      placement.release();
      if (!isCreated) placement.claim.undo();
    }
  }
}

/** Undefined when an engine failed at it already and no other node would take it. */
async function chooseAgain(
  { deps, spec, call }: Create,
  excluded: ReadonlyMap<string, string>,
  failed: EngineAnswer | undefined,
): Promise<ClaimedPlacement | undefined> {
  try {
    return await chooseNode(deps, spec, excluded, call.signal);
  } catch (error) {
    if (failed && error instanceof SchedulingError) return undefined;
    throw error;
  }
}

async function onNode(create: Create, placement: ClaimedPlacement): Promise<EngineAnswer> {
  const { deps, spec, call } = create;
  const { node } = placement;
  const { signal } = call;
  const intent = deps.recorder.intend(spec, node, { ties: tiesToNode(deps, spec), image: imageOf(deps, spec) });
  let isSettled = false;
  let isInDoubt = false;
  try {
    const [image] = await Promise.all([
      prepareNode(deps, spec, node, call),
      deps.volumes.settle(node, spec.volumes, signal),
      intent.written,
    ]);
    isInDoubt = true;
    const answer = await createOn(deps, spec, node, { image, attempt: intent.label, signal });
    isInDoubt = answer.statusCode >= 500;
    if (answer.statusCode !== 201) return answer;
    const made = madeBy(answer);
    placement.settle(made.Id);
    // Both at once: an engine is not asked a second time because of its event, which comes before the record is durable.
    const [settled, listed] = await Promise.allSettled([intent.settle(made.Id), list(create, node, made)]);
    if (settled.status === 'rejected') {
      await undo(create, node, made, settled.reason);
      throw settled.reason;
    }
    isSettled = true;
    if (listed.status === 'rejected') throw new NotListedError(spec.name ?? made.Id, node.name, listed.reason);
    return created(create, placement, answer, made);
  } finally {
    // What an engine made all the same, and was not heard of, is recognised by its attempt when it is listed.
    if (!isSettled) await intent.withdraw({ isInDoubt });
  }
}

/** What its reference means now: another image may have the name by the time that the container is made anew. */
function imageOf({ cluster }: ProvisionalDeps, { image }: ContainerSpec): RecordBody['image'] {
  const found = cluster.images.find(image);
  if (!found) return undefined;
  const [summary] = found.holders.values();
  return { id: found.id, digests: summary?.RepoDigests ?? [] };
}

/** The container is there and recorded, so that none is made elsewhere; its engine went before it was listed. */
class NotListedError extends EngineError {
  constructor(container: string, node: string, reason: unknown) {
    const text = `container ${container} was made on node ${node}, which has not listed it since (${reasonOf(reason)}): it is there once the node answers again`;
    super(text, 'NOT_LISTED', reason);
  }
}

/** An engine's answer to a create. */
interface Made {
  readonly Id: string;
  readonly Warnings?: readonly string[] | null;
}

function madeBy({ body }: EngineAnswer): Made {
  return JSON.parse(body.toString()) as Made;
}

/** A link is a name of the container it leads to, too. */
async function list({ deps, spec }: Create, node: Node, { Id }: Made): Promise<void> {
  const linked = spec.placement.dependencies.flatMap(({ option, container: name }) =>
    option === '--link' ? (deps.cluster.findContainer(name)?.engineId ?? []) : [],
  );
  await node.refreshContainers([Id, ...linked]);
}

/** A container whose record cannot be written is undone, here or by the primary: it would not outlive its node, nor have been asked for by anybody. */
async function undo({ deps }: Create, node: Node, { Id }: Made, reason: unknown): Promise<void> {
  if (isForPrimary(reason)) return;
  try {
    await removeUnstarted(node, Id);
    deps.cluster.removeContainer(node, Id);
  } catch (failure) {
    deps.logger.warn({ node: node.name, id: Id, reason: reasonOf(failure) }, 'a container without record stays');
  }
}

/** From the engine's answer to the client's: the placement has become the container, which the model shows. */
function created(
  { deps, spec, call }: Create,
  { node, claim }: ClaimedPlacement,
  answer: EngineAnswer,
  made: Made,
): EngineAnswer {
  const container = node.containers.get(made.Id);
  warnOfSameName(deps, container);
  const id = container ? container.id : made.Id;
  if (container) deps.drafts.add(id, spec, call.registryAuth, claim.names);
  const warnings = [...(made.Warnings ?? []), ...spec.warnings];
  return { ...answer, body: Buffer.from(`${JSON.stringify({ Id: id, Warnings: warnings })}\n`) };
}

/** Another manager, or a user of an engine, may have made one of the same name meanwhile. Both stay as they are. */
function warnOfSameName({ cluster, logger }: ProvisionalDeps, container: Container | undefined): void {
  const same = container ? cluster.containersNamed(container.name) : [];
  if (same.length < 2) return;
  const nodes = same.map(({ node }) => node.name).join(', ');
  logger.warn({ name: container?.name, nodes }, 'several containers share a name: rename or remove all but one');
}
