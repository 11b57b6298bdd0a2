import type { Container } from './container.ts';

/** Entries a page holds before it is split; a change re-serialises one page. */
const PAGE_SIZE = 256;

/** A run of containers in listing order. */
export interface ListPage {
  readonly items: readonly Container[];
  /** Grows with every change of what this page shows, so that a reader may keep what it rendered. */
  readonly version: number;
}

interface Page extends ListPage {
  readonly items: Container[];
  version: number;
}

/**
 * Every container in listing order (newest first), in pages: adding, removing and changing touch one page, so that what was rendered
 * of the others stays true (`api/views/container-list.ts`).
 */
export class ContainerList {
  readonly #pages: Page[] = [];

  add(container: Container): void {
    const index = this.#pageIndex(container);
    const page = this.#pages[index];
    if (!page) {
      this.#pages.push({ items: [container], version: 0 });
      return;
    }
    page.items.splice(position(page.items, container), 0, container);
    page.version += 1;
    if (page.items.length > PAGE_SIZE * 2) {
      this.#pages.splice(index + 1, 0, { items: page.items.splice(PAGE_SIZE), version: 0 });
    }
  }

  remove(container: Container): void {
    const index = this.#pageIndex(container);
    const page = this.#pages[index];
    const at = page ? position(page.items, container) : -1;
    if (!page || page.items[at] !== container) return;
    page.items.splice(at, 1);
    page.version += 1;
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

  /** Marks a container whose listing changed though it is the same object (its node's state). */
  invalidate(container: Container): void {
    const page = this.#pages[this.#pageIndex(container)];
    if (page) page.version += 1;
  }

  get pages(): readonly ListPage[] {
    return this.#pages;
  }

  /** All containers, newest first. */
  *[Symbol.iterator](): IterableIterator<Container> {
    for (const page of this.#pages) yield* page.items;
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
