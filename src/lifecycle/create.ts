import type { Cluster } from '../cluster/cluster.ts';
import type { Container } from '../cluster/container.ts';
import { IDENTITY_LABEL, identityOf } from '../cluster/container.ts';
import type { Node } from '../cluster/node.ts';
import type { PendingPlacement } from '../cluster/placements.ts';
import { EngineError, reasonOf, SchedulingError } from '../common/errors.ts';
import { setMember } from '../common/json-edit.ts';
import { ASKED_MODE_LABEL, ROLE_LABEL } from '../common/labels.ts';
import { type EngineAnswer, messageOf } from '../engine/exchange.ts';
import { editCreateBody } from './create-body.ts';
import type { LifecycleContext } from './lifecycle.ts';
import { place } from './place.ts';
import { randomName } from './random-name.ts';
import { type CreateRequest, readWanted, type Wanted, withName } from './wanted.ts';

/** Nodes tried when the chosen one refuses connections before it got the request. */
const MAX_NODES_TRIED = 3;
const MAX_NAMES_TRIED = 3;
const RESERVED_LABELS = [IDENTITY_LABEL, ROLE_LABEL, ASKED_MODE_LABEL];

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
    const claim = context.volumes.claim(placement.node, wanted.references.volumes);
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
      if (!isCreated) claim.undo();
    }
  }
}

/** Undefined when an engine failed at it already and no other node would take it. */
async function placeAgain(
  context: LifecycleContext,
  wanted: Wanted,
  excluded: ReadonlyMap<string, string>,
  failed: EngineAnswer | undefined,
): Promise<PendingPlacement | undefined> {
  try {
    return await place(context, wanted, excluded);
  } catch (error) {
    if (failed && error instanceof SchedulingError) return undefined;
    throw error;
  }
}

async function onNode(context: LifecycleContext, wanted: Wanted, placement: PendingPlacement): Promise<EngineAnswer> {
  const { node } = placement;
  const { references, request } = wanted;
  const [image] = await Promise.all([
    context.images.ensureOn(node, references.image, {
      signal: request.signal,
      ...(request.registryAuth === undefined ? {} : { registryAuth: request.registryAuth }),
    }),
    context.networks.prepareAttach(node, references.networks, request.signal),
    context.volumes.settle(node, references.volumes, request.signal),
  ]);
  const { body, connects } = context.networks.split(engineBody(context, wanted, image.reference), node);
  const answer = await node.client.request({
    method: 'POST',
    path: `/containers/create${createQuery(wanted)}`,
    api: request.api,
    body,
    signal: request.signal,
    timeoutMs: 0,
  });
  if (answer.statusCode !== 201) return answer;
  return await created(context, placement, answer, connects, wanted.parsed);
}

function createQuery({ name, request }: Wanted): string {
  const query = new URLSearchParams();
  if (name) query.set('name', name);
  if (request.platform) query.set('platform', request.platform);
  const text = query.toString();
  return text === '' ? '' : `?${text}`;
}

/** `image` is what the node knows the image by: a copied one has no digest. */
function engineBody(
  { cluster, images }: LifecycleContext,
  { request, parsed, references }: Wanted,
  image: string,
): string {
  const inherited = images.labelsOf(references.image);
  // An image may carry what only the swarm may say: the identity of the container it was committed from, for one.
  const cleared = RESERVED_LABELS.filter((label) => label in inherited).map((label) => [label, ''] as const);
  return editCreateBody(request.text, request.value, {
    image: image === references.image ? undefined : image,
    env: parsed.strippedEnv,
    labels: { ...Object.fromEntries(cleared), ...parsed.labelsToAdd },
    cpuShares: parsed.engineCpuShares,
    engineReference: (reference) => engineReference(cluster, reference),
    networkName: (reference) => cluster.findContainer(reference)?.name ?? reference,
  });
}

/** What an engine knows a container by: the client's own words where it would understand them, so that they are shown as asked. */
function engineReference(cluster: Cluster, reference: string): string {
  const container = cluster.findContainer(reference);
  if (!container) return reference;
  const { engineId, name } = container;
  const bare = reference.replace(/^\//, '');
  if (bare === name || engineId.startsWith(bare)) return reference;
  return bare.includes('/') ? name : engineId;
}

/** From the engine's answer to the client's: the placement becomes the container, networks are connected, the model shows it. */
async function created(
  context: LifecycleContext,
  placement: PendingPlacement,
  answer: EngineAnswer,
  connects: readonly { readonly network: string; readonly body: string }[],
  { request, warnings: ownWarnings }: Wanted['parsed'],
): Promise<EngineAnswer> {
  const { node } = placement;
  const made = JSON.parse(answer.body.toString()) as {
    readonly Id: string;
    readonly Warnings?: readonly string[] | null;
  };
  placement.settle(made.Id);
  const warnings = [...(made.Warnings ?? []), ...ownWarnings];
  for (const { network, body } of connects) await connect(node, made.Id, network, body);
  // A link is a name of the container it leads to, too.
  const linked = request.dependencies.flatMap(({ option, container: name }) =>
    option === '--link' ? (context.cluster.findContainer(name)?.engineId ?? []) : [],
  );
  await node.refreshContainers([made.Id, ...linked]);
  const container = node.containers.get(made.Id);
  warnOfSameName(context, container);
  const id = container ? container.id : identityOf(made.Id, {});
  return { ...answer, body: Buffer.from(`${JSON.stringify({ Id: id, Warnings: warnings })}\n`) };
}

/** Another manager, or somebody at an engine, may have made one of the same name meanwhile. Both stay as they are. */
function warnOfSameName({ cluster, logger }: LifecycleContext, container: Container | undefined): void {
  const same = container ? cluster.containersNamed(container.name) : [];
  if (same.length < 2) return;
  const nodes = same.map(({ node }) => node.name).join(', ');
  logger.warn({ name: container?.name, nodes }, 'several containers have one name: rename or remove one of them');
}

async function connect(node: Node, engineId: string, network: string, body: string): Promise<void> {
  const path = `/networks/${encodeURIComponent(network)}/connect`;
  const named = setMember(body, ['Container'], JSON.stringify(engineId));
  const answer = await node.client.request({ method: 'POST', path, body: named });
  if (answer.statusCode < 300) return;
  // As an engine that takes several networks would: no container is left behind.
  await node.client.request({ method: 'DELETE', path: `/containers/${engineId}?force=1&v=1` });
  throw new EngineError(messageOf(answer.body), 'ENGINE_ANSWER', undefined, answer.statusCode);
}

/** The node got nothing: another one may be asked without creating twice. */
function isRefusedConnection(error: unknown): boolean {
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    if (['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH'].includes((cause as NodeJS.ErrnoException).code ?? ''))
      return true;
  }
  return false;
}
