import type { Container } from '../cluster/container.ts';
import type { ContainerList, ListPage } from '../cluster/container-list.ts';
import type { ContainerRow } from './protocol.ts';
import { sseEvent } from './sse.ts';

interface RenderedPage {
  readonly version: number;
  readonly bytes: Buffer;
}

/** Pages rendered in one go before others have their turn. */
const PAGES_AT_ONCE = 4;

/** All containers as `containers` events of the stream, kept page by page for as long as nothing on a page changes. */
export class ContainerPages {
  readonly #list: ContainerList;
  readonly #row: (container: Container) => ContainerRow;
  #rendered = new WeakMap<ListPage, RenderedPage>();

  constructor(list: ContainerList, row: (container: Container) => ContainerRow) {
    this.#list = list;
    this.#row = row;
  }

  /** Renders what is not there yet, a few pages at a time, so that {@link events} finds nearly all of it. */
  async prepare(): Promise<void> {
    let count = 0;
    for (const page of [...this.#list.pages]) {
      if (this.#isReady(page)) continue;
      this.#render(page);
      count += 1;
      if (count % PAGES_AT_ONCE === 0) await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** The events, and how many containers they tell of. The buffers must not be modified. */
  events(): { readonly buffers: readonly Buffer[]; readonly count: number } {
    let count = 0;
    const buffers = this.#list.pages.map((page) => {
      count += page.items.length;
      return this.#render(page);
    });
    return { buffers, count };
  }

  /** Lets go of what is kept: nobody looks. */
  clear(): void {
    this.#rendered = new WeakMap();
  }

  #isReady(page: ListPage): boolean {
    return this.#rendered.get(page)?.version === page.version;
  }

  #render(page: ListPage): Buffer {
    const ready = this.#rendered.get(page);
    if (ready?.version === page.version) return ready.bytes;
    const bytes = sseEvent('containers', JSON.stringify(page.items.map(this.#row)));
    this.#rendered.set(page, { version: page.version, bytes });
    return bytes;
  }
}
