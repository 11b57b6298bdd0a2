import type { Container, NameStyle } from './container.ts';

/** Which of the four listings: names as `style`, with stopped containers when `all`. */
export interface ListVariant {
  readonly style: NameStyle;
  readonly all: boolean;
}

/** Entries a page holds before it is split; a change re-serialises one page. */
const PAGE_SIZE = 256;

interface RenderedPage {
  readonly bytes: Buffer;
  readonly validUntilMs: number;
}

interface Page {
  readonly items: Container[];
  readonly rendered: Map<string, RenderedPage>;
}

/**
 * Every container in listing order (newest first), in pages whose JSON is kept ready: listing them all copies
 * some hundred buffers instead of some ten thousand entries. Adding, removing and changing touch one page.
 */
export class ContainerList {
  readonly #pages: Page[] = [];

  add(container: Container): void {
    const index = this.#pageIndex(container);
    const page = this.#pages[index];
    if (!page) {
      this.#pages.push({ items: [container], rendered: new Map() });
      return;
    }
    page.items.splice(position(page.items, container), 0, container);
    page.rendered.clear();
    if (page.items.length > PAGE_SIZE * 2) {
      this.#pages.splice(index + 1, 0, { items: page.items.splice(PAGE_SIZE), rendered: new Map() });
    }
  }

  remove(container: Container): void {
    const index = this.#pageIndex(container);
    const page = this.#pages[index];
    const at = page ? position(page.items, container) : -1;
    if (!page || page.items[at] !== container) return;
    page.items.splice(at, 1);
    page.rendered.clear();
    if (page.items.length === 0) this.#pages.splice(index, 1);
    else if (page.items.length < PAGE_SIZE / 4) this.#merge(page, index);
  }

  /** Puts a page that became small together with the next one, so that pages do not thin out over the years. */
  #merge(page: Page, index: number): void {
    const next = this.#pages[index + 1];
    if (!next || page.items.length + next.items.length > PAGE_SIZE) return;
    page.items.push(...next.items);
    this.#pages.splice(index + 1, 1);
  }

  /** Forgets the rendered page of a container whose listing changed though it is the same object (its node's state). */
  invalidate(container: Container): void {
    this.#pages[this.#pageIndex(container)]?.rendered.clear();
  }

  /** All containers, newest first. */
  *[Symbol.iterator](): IterableIterator<Container> {
    for (const page of this.#pages) yield* page.items;
  }

  /** The whole listing as JSON array text in buffers to be written one after the other; they must not be modified. */
  render(variant: ListVariant, nowMs: number): Buffer[] {
    const buffers: Buffer[] = [OPEN];
    for (const page of this.#pages) {
      const { bytes } = renderPage(page, variant, nowMs);
      if (bytes.length > 0) buffers.push(buffers.length > 1 ? COMMA : NOTHING, bytes);
    }
    buffers.push(CLOSE);
    return buffers;
  }

  /** The last page whose first entry does not come after `container`. */
  #pageIndex(container: Container): number {
    let low = 0;
    let high = this.#pages.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      const first = this.#pages[middle]?.items[0];
      if (first && compareListed(first, container) <= 0) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

const OPEN = Buffer.from('[');
const CLOSE = Buffer.from(']\n');
const COMMA = Buffer.from(',');
const NOTHING = Buffer.alloc(0);

/**
 * Newest first, as engines list; within a second the one listed last. The ID and then the node settle ties so that the
 * order is total and stable.
 */
export function compareListed(a: Container, b: Container): number {
  if (a.createdSeconds !== b.createdSeconds) return b.createdSeconds - a.createdSeconds;
  if (a.seenMs !== b.seenMs) return b.seenMs - a.seenMs;
  if (a.id !== b.id) return a.id < b.id ? -1 : 1;
  if (a.engineId !== b.engineId) return a.engineId < b.engineId ? -1 : 1;
  return a.node.entry < b.node.entry ? -1 : a.node.entry > b.node.entry ? 1 : 0;
}

/** Where `container` stands, or belongs, in sorted `items`. */
function position(items: readonly Container[], container: Container): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const item = items[middle];
    if (item && compareListed(item, container) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

function renderPage(page: Page, variant: ListVariant, nowMs: number): RenderedPage {
  const key = `${variant.style}${variant.all}`;
  const ready = page.rendered.get(key);
  if (ready && ready.validUntilMs > nowMs) return ready;
  const texts: string[] = [];
  let validUntilMs = Number.POSITIVE_INFINITY;
  for (const container of page.items) {
    if (!variant.all && !container.isListedByDefault) continue;
    const entry = container.render(variant.style, nowMs);
    texts.push(entry.text);
    if (entry.validUntilMs < validUntilMs) validUntilMs = entry.validUntilMs;
  }
  const rendered = { bytes: Buffer.from(texts.join(',')), validUntilMs };
  page.rendered.set(key, rendered);
  return rendered;
}
