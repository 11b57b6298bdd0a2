import type { Cluster } from '../../cluster/cluster.ts';
import type { ImageIndex, ImageRecord } from '../../cluster/images.ts';
import { type ApiVersion, compareApi } from '../../engine/api-version.ts';
import type { ImageSummary } from '../../engine/types.ts';
import { type ImageNames, namesOfImage } from '../../images/names.ts';

/** An image of the cluster as `GET /images/json` lists it: one node's entry with the names of all. */
export type ImageEntry = ImageSummary & {
  readonly RepoTags: readonly string[];
  readonly RepoDigests: readonly string[];
};

/** Shapes of the answer: engines stopped writing `<none>` in API 1.43 and `VirtualSize` in 1.44. */
type Shape = 'none and virtual size' | 'virtual size' | 'plain';

/** The images of the cluster, rendered once for as long as nothing changes. */
export class ImageListView {
  readonly #cluster: Cluster;
  readonly #unsubscribe: () => void;
  readonly #texts = new Map<Shape, string>();
  readonly #names = new Map<string, ImageNames>();
  #entries: readonly ImageEntry[] | undefined;
  #version = -1;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
    this.#unsubscribe = cluster.subscribe((event) => {
      // What an unhealthy node holds is not listed.
      if (event.kind === 'node-state') this.#version = -1;
    });
  }

  /** The whole answer without filters. */
  render(api: ApiVersion): string {
    this.#refresh();
    const shape = shapeFor(api);
    const text = this.#texts.get(shape) ?? renderImages(this.entries(), api);
    this.#texts.set(shape, text);
    return text;
  }

  /** All entries, newest first. */
  entries(): readonly ImageEntry[] {
    this.#refresh();
    this.#entries ??= mergeImages(this.#cluster, finalImages(this.#cluster));
    return this.#entries;
  }

  /** The names of an image, gathered once for as long as nothing changes. */
  namesOf(record: ImageRecord): ImageNames {
    this.#refresh();
    const names = this.#names.get(record.id) ?? namesOfImage(this.#cluster.images, record);
    this.#names.set(record.id, names);
    return names;
  }

  close(): void {
    this.#unsubscribe();
  }

  #refresh(): void {
    if (this.#version === this.#cluster.images.version) return;
    this.#version = this.#cluster.images.version;
    this.#entries = undefined;
    this.#texts.clear();
    this.#names.clear();
  }
}

function* finalImages({ images }: Cluster): IterableIterator<ImageRecord> {
  for (const record of images.list()) if (!images.isIntermediate(record)) yield record;
}

/** How many images `docker images -a` lists. */
export function countImages({ images }: Cluster): number {
  let count = 0;
  for (const record of images.list()) if (!isHidden(images, record)) count += 1;
  return count;
}

/** Listed under the ID that another image store has for it. */
function isHidden(images: ImageIndex, record: ImageRecord): boolean {
  return (
    images.sameAs(record.id).size > 1 &&
    namesOfImage(images, record).tags.length === 0 &&
    isListedAsAnother(images, record)
  );
}

/** Merges what nodes list of the same images, newest first. */
export function mergeImages({ images }: Cluster, records: Iterable<ImageRecord>): ImageEntry[] {
  const entries: ImageEntry[] = [];
  for (const record of records) {
    const summaries = [...record.holders].filter(([node]) => node.isHealthy).map(([, summary]) => summary);
    const [first] = summaries;
    if (!first) continue;
    const { tags, digests } = namesOfImage(images, record);
    if (tags.length === 0 && isListedAsAnother(images, record)) continue;
    entries.push({ ...first, RepoTags: tags, RepoDigests: digests, Containers: containersOf(summaries) });
  }
  return entries.sort((a, b) => b.Created - a.Created || (a.Id < b.Id ? -1 : 1));
}

/** Whether the names its nodes have for it are shown at the same image under the ID of another image store. */
function isListedAsAnother(images: ImageIndex, record: ImageRecord): boolean {
  const same = images.sameAs(record.id);
  if (same.size === 1) return false;
  const names = [...record.holders.values()].flatMap((summary) => summary.RepoTags ?? []);
  return names.some((name) => same.has(images.find(name)?.id ?? ''));
}

/** -1 means not counted; engines count since API 1.51. */
function containersOf(summaries: readonly ImageSummary[]): number {
  const known = summaries.flatMap(({ Containers = -1 }) => (Containers >= 0 ? [Containers] : []));
  return known.length > 0 ? known.reduce((sum, count) => sum + count, 0) : -1;
}

/** The answer's text in the shape of an API version. */
export function renderImages(entries: Iterable<ImageEntry>, api: ApiVersion): string {
  const shape = shapeFor(api);
  return `${JSON.stringify([...entries].map((entry) => inShape(entry, shape)))}\n`;
}

function shapeFor(api: ApiVersion): Shape {
  if (compareApi(api, '1.44') >= 0) return 'plain';
  return compareApi(api, '1.43') >= 0 ? 'virtual size' : 'none and virtual size';
}

function inShape(entry: ImageEntry, shape: Shape): unknown {
  const { VirtualSize: _, ...plain } = entry as ImageEntry & { readonly VirtualSize?: number };
  if (shape === 'plain') return plain;
  const isNameless = plain.RepoTags.length === 0 && plain.RepoDigests.length === 0;
  const named =
    shape === 'virtual size' || !isNameless
      ? plain
      : { ...plain, RepoTags: ['<none>:<none>'], RepoDigests: ['<none>@<none>'] };
  return { ...named, VirtualSize: entry.Size };
}
