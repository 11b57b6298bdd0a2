import { asImageIdPrefix, familiarReference, parseReference } from '../common/image-reference.ts';
import type { ImageSummary } from '../engine/types.ts';
import type { NodeIds } from '../scheduler/types.ts';
import type { Node } from './node.ts';

/** One image of the cluster: an ID and the nodes that hold it, each with its own summary (tags may differ). */
export interface ImageRecord {
  /** `sha256:…`. */
  readonly id: string;
  readonly holders: ReadonlyMap<Node, ImageSummary>;
}

const NO_NAME = '<none>:<none>';

/** The images of all nodes by ID and by reference. One owner: the cluster; everybody else reads. */
export class ImageIndex {
  readonly #perNode = new Map<Node, ReadonlyMap<string, ImageSummary>>();
  readonly #images = new Map<string, { id: string; holders: Map<Node, ImageSummary> }>();
  /** Familiar reference (`redis:7`, `redis@sha256:…`) → which node means which image ID by it. */
  readonly #references = new Map<string, Map<Node, string>>();
  /** Repository without tag → the familiar references in use. */
  readonly #repositories = new Map<string, Set<string>>();
  #version = 0;

  /** Grows with every change, so that a reader may keep what it rendered. */
  get version(): number {
    return this.#version;
  }

  /** Sets all images of a node. */
  replace(node: Node, summaries: readonly ImageSummary[]): void {
    this.#removeNode(node);
    const held = new Map(summaries.map((summary) => [summary.Id, summary] as const));
    this.#perNode.set(node, held);
    for (const summary of held.values()) this.#add(node, summary);
    this.#version += 1;
  }

  /** Forgets a node that left. */
  remove(node: Node): void {
    this.#removeNode(node);
    this.#perNode.delete(node);
    this.#version += 1;
  }

  /**
   * The image a reference means: ID, ID prefix, `repo[:tag]` or `repo@digest`. When nodes disagree about a tag the
   * image most healthy nodes mean wins, then the newest, then the smallest ID, so that answers are the same every time.
   */
  find(reference: string): ImageRecord | undefined {
    const byName = this.#references.get(familiarReference(reference));
    if (byName) return this.#preferred(byName);
    const prefix = asImageIdPrefix(reference);
    return prefix === undefined ? undefined : this.#byPrefix(prefix);
  }

  /** The healthy nodes that hold what {@link find} answers. */
  holders(reference: string): readonly Node[] {
    return [...(this.find(reference)?.holders.keys() ?? [])].filter((node) => node.isHealthy);
  }

  /** Whether a node itself can start a container from this reference. */
  isOn(node: Node, reference: string): boolean {
    const record = this.find(reference);
    return record?.holders.has(node) ?? false;
  }

  /** All images held by at least one healthy node. */
  *list(): IterableIterator<ImageRecord> {
    for (const record of this.#images.values()) {
      for (const node of record.holders.keys()) {
        if (!node.isHealthy) continue;
        yield record;
        break;
      }
    }
  }

  /** A node's own images by ID. */
  of(node: Node): ReadonlyMap<string, ImageSummary> {
    return this.#perNode.get(node) ?? new Map();
  }

  /** For the scheduler: engine IDs that hold a reference; a repository without tag means any of its tags. */
  nodesWith(reference: string): NodeIds | undefined {
    const hasNoTag = !reference.includes('@') && reference.lastIndexOf(':') <= reference.lastIndexOf('/');
    const ids = new Map<string, true>();
    const references = hasNoTag
      ? (this.#repositories.get(parseReference(reference).repository) ?? [])
      : [familiarReference(reference)];
    for (const each of references) for (const node of this.#references.get(each)?.keys() ?? []) ids.set(node.id, true);
    const prefix = asImageIdPrefix(reference);
    if (ids.size === 0 && prefix)
      for (const node of this.#byPrefix(prefix)?.holders.keys() ?? []) ids.set(node.id, true);
    return ids.size > 0 ? ids : undefined;
  }

  /** For the scheduler: every reference with its holders. */
  *references(): IterableIterator<readonly [reference: string, nodes: NodeIds]> {
    for (const [reference, nodes] of this.#references) {
      yield [reference, new Map([...nodes.keys()].map((node) => [node.id, true] as const))];
    }
  }

  #byPrefix(prefix: string): ImageRecord | undefined {
    if (prefix.length === 64) return this.#images.get(`sha256:${prefix}`);
    const matches = [...this.#images.values()].filter((image) => image.id.startsWith(`sha256:${prefix}`));
    return matches.length === 1 ? matches[0] : undefined;
  }

  #preferred(meanings: ReadonlyMap<Node, string>): ImageRecord | undefined {
    const votes = new Map<string, number>();
    for (const [node, id] of meanings) votes.set(id, (votes.get(id) ?? 0) + (node.isHealthy ? 1 : 0));
    let best: ImageRecord | undefined;
    for (const id of votes.keys()) {
      const record = this.#images.get(id);
      if (record && (!best || isPreferred(record, best, votes))) best = record;
    }
    return best;
  }

  #add(node: Node, summary: ImageSummary): void {
    const record = this.#images.get(summary.Id) ?? { id: summary.Id, holders: new Map() };
    record.holders.set(node, summary);
    this.#images.set(summary.Id, record);
    for (const reference of referencesOf(summary)) {
      const meanings = this.#references.get(reference) ?? new Map();
      this.#references.set(reference, meanings.set(node, summary.Id));
      const { repository } = parseReference(reference);
      this.#repositories.set(repository, (this.#repositories.get(repository) ?? new Set()).add(reference));
    }
  }

  #removeNode(node: Node): void {
    for (const summary of this.#perNode.get(node)?.values() ?? []) {
      const record = this.#images.get(summary.Id);
      record?.holders.delete(node);
      if (record?.holders.size === 0) this.#images.delete(summary.Id);
      for (const reference of referencesOf(summary)) this.#removeReference(reference, node);
    }
  }

  #removeReference(reference: string, node: Node): void {
    const meanings = this.#references.get(reference);
    meanings?.delete(node);
    if (meanings?.size !== 0) return;
    this.#references.delete(reference);
    const { repository } = parseReference(reference);
    const inUse = this.#repositories.get(repository);
    inUse?.delete(reference);
    if (inUse?.size === 0) this.#repositories.delete(repository);
  }
}

function referencesOf(summary: ImageSummary): string[] {
  const named = [...(summary.RepoTags ?? []), ...(summary.RepoDigests ?? [])].filter(
    (name) => name !== NO_NAME && !name.startsWith('<none>'),
  );
  return named.map(familiarReference);
}

function isPreferred(a: ImageRecord, b: ImageRecord, votes: ReadonlyMap<string, number>): boolean {
  const byVotes = (votes.get(a.id) ?? 0) - (votes.get(b.id) ?? 0);
  if (byVotes !== 0) return byVotes > 0;
  const byAge = createdOf(a) - createdOf(b);
  return byAge !== 0 ? byAge > 0 : a.id < b.id;
}

function createdOf(record: ImageRecord): number {
  for (const summary of record.holders.values()) return summary.Created;
  return 0;
}
