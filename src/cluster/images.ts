import { isDeepStrictEqual } from 'node:util';
import { asImageIdPrefix, familiarReference, parseReference } from '../common/image-reference.ts';
import type { ImageSummary } from '../engine/types.ts';
import type { NodeIds } from '../scheduler/types.ts';
import { ImageMeanings } from './image-meanings.ts';
import type { Node } from './node.ts';

/** One image of the cluster: an ID and the nodes that hold it, each with its own summary (tags may differ). */
export interface ImageRecord {
  /** `sha256:…`. */
  readonly id: string;
  readonly holders: ReadonlyMap<Node, ImageSummary>;
}

/** Restricts a question to some nodes, e.g. those of one platform. */
export type NodeChoice = (node: Node) => boolean;

/** The images of all nodes by ID and by reference. Written by the cluster alone. */
export class ImageIndex {
  readonly #perNode = new Map<Node, ReadonlyMap<string, ImageSummary>>();
  /** The images that others of a node are built on. */
  readonly #parents = new Map<Node, ReadonlySet<string>>();
  readonly #images = new Map<string, { readonly id: string; readonly holders: Map<Node, ImageSummary> }>();
  readonly #meanings = new ImageMeanings();
  readonly #same = new Map<string, ReadonlySet<string>>();
  #version = 0;

  /** Grows with every change, so that a reader may keep what it rendered. Listing the same again is no change. */
  get version(): number {
    return this.#version;
  }

  /** How many different images there are. */
  get size(): number {
    return this.#images.size;
  }

  /** Sets all images of a node. */
  replace(node: Node, summaries: readonly ImageSummary[]): void {
    const before = this.of(node);
    const after = new Map(summaries.map((summary) => [summary.Id, summary] as const));
    const gone = [...before.values()].filter((summary) => !isDeepStrictEqual(summary, after.get(summary.Id)));
    const come = [...after.values()].filter((summary) => !isDeepStrictEqual(summary, before.get(summary.Id)));
    this.#perNode.set(node, after);
    this.#parents.set(node, new Set(summaries.map(({ ParentId }) => ParentId ?? '')));
    if (gone.length === 0 && come.length === 0) return;
    for (const summary of gone) this.#forget(node, summary);
    for (const summary of come) this.#add(node, summary);
    this.#version += 1;
  }

  /** Forgets a node that left. */
  remove(node: Node): void {
    const held = this.#perNode.get(node);
    if (!held) return;
    for (const summary of held.values()) this.#forget(node, summary);
    this.#perNode.delete(node);
    this.#parents.delete(node);
    this.#version += 1;
  }

  /**
   * The image a reference means: ID, ID prefix, `repo[:tag]` or `repo@digest`. When nodes disagree about a tag, what was
   * {@link prefer}red wins if a healthy node has it, else the image most healthy nodes mean, then the newest, then the
   * smallest ID: answers are the same every time. With `among`, only what these nodes hold counts.
   */
  find(reference: string, among?: NodeChoice): ImageRecord | undefined {
    const name = familiarReference(reference);
    const byName = this.#meanings.of(name);
    if (byName.size > 0) {
      const only = this.#meanings.unanimous(name);
      if (only === undefined) return this.#preferred(name, byName, among);
      return !among || someOf(byName.keys(), among) ? this.#images.get(only) : undefined;
    }
    const prefix = asImageIdPrefix(reference);
    const record = prefix === undefined ? undefined : this.#byPrefix(prefix);
    return record && among && !someOf(record.holders.keys(), among) ? undefined : record;
  }

  /** The image of an ID. */
  get(id: string): ImageRecord | undefined {
    return this.#images.get(id);
  }

  /** The healthy nodes that hold what {@link find} answers. */
  holders(reference: string): readonly Node[] {
    return [...(this.find(reference)?.holders.keys() ?? [])].filter((node) => node.isHealthy);
  }

  /** What each node means by a name; empty for IDs and unknown names. */
  meanings(reference: string): ReadonlyMap<Node, string> {
    return this.#meanings.of(familiarReference(reference));
  }

  /** The tags in use of a repository; empty for anything but a name without tag and digest. */
  tagsOf(repository: string): readonly string[] {
    if (!isRepository(repository)) return [];
    return [...this.#meanings.inRepository(parseReference(repository).repository)].filter(
      (name) => !name.includes('@'),
    );
  }

  /** Notes what a reference was made to mean last (a build, a tag, a load), for {@link find} to follow. */
  prefer(reference: string, id: string): void {
    if (this.#meanings.prefer(familiarReference(reference), id)) this.#version += 1;
  }

  /**
   * Notes that two IDs are one image: engines with the containerd image store call by its manifest's digest what others
   * call by its configuration's.
   */
  noteSame(a: string, b: string): void {
    const all = new Set([a, b, ...this.sameAs(a), ...this.sameAs(b)]);
    for (const id of all) this.#same.set(id, all);
    this.#version += 1;
  }

  /** All IDs known for the image of this ID, itself included. */
  sameAs(id: string): ReadonlySet<string> {
    return this.#same.get(id) ?? new Set([id]);
  }

  /**
   * Whether an image is only a step of a build: it has no name, and on every healthy node that has it, another one is built on it. Engines
   * list these with `all` only.
   */
  isIntermediate(record: ImageRecord): boolean {
    let isStep = false;
    for (const [node, summary] of record.holders) {
      if (!node.isHealthy) continue;
      if (namesOf(summary).length > 0 || !this.#parents.get(node)?.has(record.id)) return false;
      isStep = true;
    }
    return isStep;
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
    const ids = new Map<string, true>();
    const references = isRepository(reference)
      ? this.#meanings.inRepository(parseReference(reference).repository)
      : [familiarReference(reference)];
    for (const each of references) for (const node of this.#meanings.of(each).keys()) ids.set(node.id, true);
    const prefix = asImageIdPrefix(reference);
    if (ids.size === 0 && prefix)
      for (const node of this.#byPrefix(prefix)?.holders.keys() ?? []) ids.set(node.id, true);
    return ids.size > 0 ? ids : undefined;
  }

  /** For the scheduler: every reference with its holders. */
  *references(): IterableIterator<readonly [reference: string, nodes: NodeIds]> {
    for (const [reference, nodes] of this.#meanings.all()) {
      yield [reference, new Map([...nodes.keys()].map((node) => [node.id, true] as const))];
    }
  }

  #byPrefix(prefix: string): ImageRecord | undefined {
    if (prefix.length === 64) return this.#images.get(`sha256:${prefix}`);
    const matches = [...this.#images.values()].filter((image) => image.id.startsWith(`sha256:${prefix}`));
    return matches.length === 1 ? matches[0] : undefined;
  }

  #preferred(name: string, meanings: ReadonlyMap<Node, string>, among?: NodeChoice): ImageRecord | undefined {
    const votes = new Map<string, number>();
    for (const [node, id] of meanings) {
      if (!among || among(node)) votes.set(id, (votes.get(id) ?? 0) + (node.isHealthy ? 1 : 0));
    }
    const wanted = this.#meanings.preferred(name);
    if (wanted !== undefined && (votes.get(wanted) ?? 0) > 0) return this.#images.get(wanted);
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
    for (const name of namesOf(summary)) this.#meanings.add(name, node, summary.Id);
  }

  #forget(node: Node, summary: ImageSummary): void {
    const record = this.#images.get(summary.Id);
    record?.holders.delete(node);
    if (record?.holders.size === 0) this.#images.delete(summary.Id);
    // No node has any of them: a later image of the same ID is told anew.
    const same = this.#same.get(summary.Id) ?? [];
    if (![...same].some((id) => this.#images.has(id))) for (const id of same) this.#same.delete(id);
    for (const name of namesOf(summary)) this.#meanings.remove(name, node, summary.Id);
  }
}

/** The tags and digests of an image in familiar form; engines before API 1.43 write `<none>` for none. */
export function namesOf(summary: Pick<ImageSummary, 'RepoTags' | 'RepoDigests'>): string[] {
  const all = [...(summary.RepoTags ?? []), ...(summary.RepoDigests ?? [])];
  return all.filter((name) => !name.startsWith('<none>')).map(familiarReference);
}

function someOf(nodes: Iterable<Node>, choice: NodeChoice): boolean {
  for (const node of nodes) if (choice(node)) return true;
  return false;
}

function isRepository(reference: string): boolean {
  return !reference.includes('@') && reference.lastIndexOf(':') <= reference.lastIndexOf('/');
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
