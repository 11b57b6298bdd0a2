import type { Cluster } from '../cluster/cluster.ts';
import { IDENTITY_LABEL } from '../cluster/listed-container.ts';
import { MOVE_LABEL } from '../cluster/moves.ts';
import type { Node } from '../cluster/node.ts';
import { EngineError } from '../common/errors.ts';
import { removeMember, setMember } from '../common/json-edit.ts';
import { ASKED_MODE_LABEL, ROLE_LABEL } from '../common/labels.ts';
import type { ContainerSpec, CreateCall } from '../desired/container-spec.ts';
import { type EngineAnswer, EngineAnswerError, messageOf } from '../engine/exchange.ts';
import { PLACEMENT_LABELS } from '../scheduler/directives.ts';
import { editCreateBody } from './create-body.ts';
import type { ProvisionalDeps } from './deps.ts';
import { isStrict } from './surroundings.ts';

const RESERVED_LABELS = [IDENTITY_LABEL, MOVE_LABEL, ROLE_LABEL, ASKED_MODE_LABEL];

/** Bound on removing a container that does not run, in milliseconds. */
const REMOVAL_MS = 60_000;

/** How a container is made on a node. */
export interface MakeOptions {
  /** What the node knows the image by: a copied one has no digest. */
  readonly image: string;
  /** The value of its `io.enxame.attempt`. */
  readonly attempt: string;
  readonly signal: AbortSignal;
  readonly successor?: Successor;
  /** Paths whose volumes without a name the engine leaves empty. */
  readonly emptyVolumes?: readonly string[];
}

/** Who a container is that is made in place of another one. */
export interface Successor {
  /** The ID by which clients know it. */
  readonly id: string;
  /** Its {@link MOVE_LABEL}, when it is made in place of one that was never started. */
  readonly move?: string;
  /** Engine IDs of those made with it, by the IDs clients know. */
  readonly engineIds: ReadonlyMap<string, string>;
}

/** Brings to a node what a container needs there: image and networks. Returns what the node knows the image by. */
export async function prepareNode(
  deps: ProvisionalDeps,
  spec: ContainerSpec,
  node: Node,
  { registryAuth, signal }: CreateCall,
): Promise<string> {
  const [image] = await Promise.all([
    deps.images.ensureOn(node, spec.image, { signal, ...(registryAuth === undefined ? {} : { registryAuth }) }),
    deps.networks.prepareAttach(node, spec.networks, signal),
  ]);
  return image.reference;
}

/** Creates the container on a node that is prepared, and connects it. Resolves with the engine's answer, whatever it is. */
export async function createOn(
  deps: ProvisionalDeps,
  spec: ContainerSpec,
  node: Node,
  options: MakeOptions,
): Promise<EngineAnswer> {
  const text = engineBody(deps, spec, node, options);
  const { body, connects } = deps.networks.split(text, node);
  const answer = await node.client.request({
    method: 'POST',
    path: `/containers/create${createQuery(spec)}`,
    api: spec.source.api,
    body,
    signal: options.signal,
    timeoutMs: 0,
  });
  if (answer.statusCode !== 201 || connects.length === 0) return answer;
  const { Id } = JSON.parse(answer.body.toString()) as { readonly Id: string };
  for (const connect of connects) await connectTo(node, Id, connect.network, connect.body);
  return answer;
}

function createQuery({ name, source }: ContainerSpec): string {
  const query = new URLSearchParams();
  if (name) query.set('name', name);
  if (source.platform) query.set('platform', source.platform);
  const text = query.toString();
  return text === '' ? '' : `?${text}`;
}

function engineBody(
  { cluster, images }: ProvisionalDeps,
  spec: ContainerSpec,
  node: Node,
  { image, attempt, successor, emptyVolumes = [] }: MakeOptions,
): string {
  const inherited = images.labelsOf(spec.image);
  // An image may carry what only the manager may say: the identity of the container it was committed from, for one.
  const cleared = RESERVED_LABELS.filter((label) => label in inherited).map((label) => [label, ''] as const);
  const move = successor?.move === undefined ? {} : { [MOVE_LABEL]: successor.move };
  const identity = successor ? { [IDENTITY_LABEL]: successor.id, ...move } : {};
  // A site's manager would take them for its own to meet.
  const { text, body } = node.isSite ? withoutPlacement(spec) : { text: spec.source.text, body: spec.body };
  const expressions = node.isSite ? {} : spec.edits.labels;
  return editCreateBody(text, body, {
    ...spec.edits,
    isSupervised: isStrict(spec),
    emptyVolumes,
    image: image === spec.image ? undefined : image,
    labels: { ...Object.fromEntries(cleared), ...expressions, ...identity, [node.attemptLabel]: attempt },
    engineReference: (reference) => engineReference(cluster, reference, successor),
    networkName: (reference) => cluster.findContainer(reference)?.name ?? reference,
    ...(successor ? { shortId: successor.id.slice(0, 12) } : {}),
  });
}

/** A body without the labels that say on which nodes of this cluster the container may be. */
function withoutPlacement({ source, body }: ContainerSpec): { readonly text: string; readonly body: unknown } {
  const { Labels } = body as { readonly Labels?: Readonly<Record<string, string>> | null };
  const found = PLACEMENT_LABELS.filter((label) => Labels && Object.hasOwn(Labels, label));
  if (found.length === 0) return { text: source.text, body };
  const text = found.reduce((shorter, label) => removeMember(shorter, ['Labels', label]), source.text);
  return { text, body: JSON.parse(text) };
}

/** What an engine knows a container by: the client's own words where it would understand them, so that they are shown as asked. */
function engineReference(cluster: Cluster, reference: string, successor: Successor | undefined): string {
  const container = cluster.findContainer(reference);
  if (!container) return reference;
  const { name } = container;
  const engineId = successor?.engineIds.get(container.id) ?? container.engineId;
  const bare = reference.replace(/^\//, '');
  if (bare === name || engineId.startsWith(bare)) return reference;
  return bare.includes('/') ? name : engineId;
}

async function connectTo(node: Node, engineId: string, network: string, body: string): Promise<void> {
  const path = `/networks/${encodeURIComponent(network)}/connect`;
  const named = setMember(body, ['Container'], JSON.stringify(engineId));
  const answer = await node.client.request({ method: 'POST', path, body: named });
  if (answer.statusCode < 300) return;
  // As an engine that takes several networks would: no container is left behind.
  await node.client.request({ method: 'DELETE', path: `/containers/${engineId}?force=1&v=1` });
  throw new EngineError(messageOf(answer.body), 'ENGINE_ANSWER', undefined, answer.statusCode);
}

/** Removes a container with its anonymous volumes, unless it runs: without force the engine refuses that. */
export async function removeUnstarted(node: Node, engineId: string): Promise<void> {
  try {
    const path = `/containers/${engineId}?v=1`;
    await node.client.json({ method: 'DELETE', path, timeoutMs: REMOVAL_MS });
  } catch (error) {
    if (!(error instanceof EngineAnswerError && error.status === 404)) throw error;
  }
}

/** The node got nothing: another one may be asked without anything done twice. */
export function isRefusedConnection(error: unknown): boolean {
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    if (['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH'].includes((cause as NodeJS.ErrnoException).code ?? ''))
      return true;
  }
  return false;
}
