import type { ImageIndex, ImageRecord } from '../cluster/images.ts';
import type { Node } from '../cluster/node.ts';
import { ClusterError } from '../common/errors.ts';
import { failureOfAll, onEach } from '../common/every-node.ts';
import type { ApiVersion } from '../engine/api-version.ts';
import { noSuchImage } from './distribution.ts';
import { isInUse } from './image-tags.ts';
import { encodeReference } from './tags.ts';

/** An entry of the answer to `DELETE /images/{name}`. */
export interface RemovedItem {
  readonly Untagged?: string;
  readonly Deleted?: string;
}

export interface RemovalRequest {
  readonly reference: string;
  /** The client's query with its `?`, or empty. */
  readonly search: string;
  readonly api: ApiVersion;
  readonly signal: AbortSignal;
}

/** Removing large images takes engines their time. */
const TIMEOUT_MS = 120_000;

/**
 * Removes an image, or a name of it, wherever it is, and answers as one engine would. Nodes whose containers use it are
 * asked first: if one of them refuses, it is removed nowhere.
 */
export async function removeImage(images: ImageIndex, request: RemovalRequest): Promise<RemovedItem[]> {
  const record = images.find(request.reference);
  if (!record) throw noSuchImage(request.reference);
  const targets = targetsOf(images, record, request.reference);
  if (targets.size === 0) throw noSuchImage(request.reference, ' (its nodes are not reachable now)');
  const inUse = [...targets.keys()].filter((node) => isInUse(node, targets.get(node)?.imageId ?? ''));
  const first = await onEach(inUse, (node) => removeOn(node, targets.get(node)?.path ?? '', request));
  const refusal = failureOfAll(first, 'It was removed');
  if (refusal) throw refusal;
  const others = [...targets.keys()].filter((node) => !inUse.includes(node));
  const rest = await onEach(others, (node) => removeOn(node, targets.get(node)?.path ?? '', request));
  const failure = failureOfAll({ done: new Map([...first.done, ...rest.done]), failed: rest.failed }, 'It was removed');
  if (failure) throw failure;
  return merged([...first.done.values(), ...rest.done.values()]);
}

interface Target {
  readonly imageId: string;
  readonly path: string;
}

/** By name: every node that knows the name, whatever it means there. By ID: every holder. */
function targetsOf(images: ImageIndex, record: ImageRecord, reference: string): ReadonlyMap<Node, Target> {
  const byName = images.meanings(reference);
  const path = encodeReference(byName.size > 0 ? reference : record.id);
  const targets = new Map<Node, Target>();
  for (const node of byName.size > 0 ? byName.keys() : record.holders.keys()) {
    if (node.isHealthy) targets.set(node, { imageId: byName.get(node) ?? record.id, path });
  }
  return targets;
}

/** What a node no longer has needs no removing. */
async function removeOn(
  node: Node,
  path: string,
  { search, api, signal }: RemovalRequest,
): Promise<readonly RemovedItem[]> {
  try {
    const call = { method: 'DELETE', path: `/images/${path}${search}`, api, signal, timeoutMs: TIMEOUT_MS };
    return await node.client.json<RemovedItem[]>(call);
  } catch (error) {
    if (error instanceof ClusterError && error.status === 404) return [];
    throw error;
  } finally {
    await node.refreshImages();
  }
}

/** Each entry once: the names first, as an engine has them. */
function merged(answers: readonly (readonly RemovedItem[])[]): RemovedItem[] {
  const items = new Map<string, RemovedItem>();
  for (const answer of answers) for (const item of answer) items.set(JSON.stringify(item), item);
  const all = [...items.values()];
  return [...all.filter((item) => item.Untagged !== undefined), ...all.filter((item) => item.Untagged === undefined)];
}
