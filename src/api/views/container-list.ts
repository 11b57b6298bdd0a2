import type { Container } from '../../cluster/container.ts';
import type { ContainerList, ListPage } from '../../cluster/container-list.ts';
import type { EndpointPorts } from '../../cluster/endpoint-ports.ts';
import { renderEntry } from './container-entry.ts';
import type { NameStyle } from './name-style.ts';

/** Which of the four listings: names as `style`, with stopped containers when `all`. */
export interface ListVariant {
  readonly style: NameStyle;
  readonly all: boolean;
}

interface RenderedPage {
  readonly version: number;
  readonly bytes: Buffer;
  readonly validUntilMs: number;
}

interface KeptEntry {
  readonly style: NameStyle;
  readonly isHealthy: boolean;
  readonly nodeName: string;
  readonly ports: EndpointPorts | undefined;
  readonly validUntilMs: number;
  readonly bytes: Buffer;
}

/**
 * The containers of the cluster as JSON, kept ready: listing them all copies some hundred buffers instead of some ten thousand
 * entries, and a change renders one page again.
 */
export class ContainerListView {
  readonly #list: ContainerList;
  readonly #pages = new WeakMap<ListPage, Map<string, RenderedPage>>();
  /** What filtered listings showed; 'asked' after the first one, when bytes are not worth keeping yet. */
  readonly #entries = new WeakMap<Container, KeptEntry | 'asked'>();

  constructor(list: ContainerList) {
    this.#list = list;
  }

  /** The whole listing as JSON array text in buffers to be written one after the other; they must not be modified. */
  render(variant: ListVariant, nowMs: number): Buffer[] {
    const buffers: Buffer[] = [OPEN];
    for (const page of this.#list.pages) {
      const { bytes } = this.#renderPage(page, variant, nowMs);
      if (bytes.length > 0) buffers.push(buffers.length > 1 ? COMMA : NOTHING, bytes);
    }
    buffers.push(CLOSE);
    return buffers;
  }

  /** These containers as JSON array text. */
  renderOnly(containers: readonly Container[], style: NameStyle, nowMs: number): string | Buffer {
    // Bytes are kept for listings of many only: a client that asks for one container at a time must not use up memory.
    if (containers.length < MANY)
      return `[${containers.map((container) => renderEntry(container, style, nowMs).text).join(',')}]\n`;
    const pieces: Buffer[] = [OPEN];
    for (const container of containers)
      pieces.push(pieces.length > 1 ? COMMA : NOTHING, this.bytesOf(container, style, nowMs));
    pieces.push(CLOSE);
    return Buffer.concat(pieces);
  }

  /**
   * One entry as bytes, which must not be modified. Kept from the second time on, until the age's words change; for listings
   * of many containers that come again and again.
   */
  bytesOf(container: Container, style: NameStyle, nowMs: number): Buffer {
    const kept = this.#entries.get(container);
    if (typeof kept === 'object' && isCurrent(kept, container, style, nowMs)) return kept.bytes;
    const { text, validUntilMs } = renderEntry(container, style, nowMs);
    const bytes = Buffer.from(text);
    const { name: nodeName, isHealthy } = container.node;
    const ports = container.node.endpointPorts(container.engineId);
    this.#entries.set(
      container,
      kept === undefined ? 'asked' : { style, isHealthy, nodeName, ports, validUntilMs, bytes },
    );
    return bytes;
  }

  #renderPage(page: ListPage, variant: ListVariant, nowMs: number): RenderedPage {
    const key = `${variant.style}${variant.all}`;
    const variants = this.#pages.get(page) ?? new Map<string, RenderedPage>();
    const ready = variants.get(key);
    if (ready && ready.version === page.version && ready.validUntilMs > nowMs) return ready;
    const rendered = renderPage(page, variant, nowMs);
    this.#pages.set(page, variants.set(key, rendered));
    return rendered;
  }
}

/** A listing of so many containers is worth keeping their entries as bytes. */
const MANY = 16;

const OPEN = Buffer.from('[');
const CLOSE = Buffer.from(']\n');
const COMMA = Buffer.from(',');
const NOTHING = Buffer.alloc(0);

function isCurrent(kept: KeptEntry, { node, engineId }: Container, style: NameStyle, nowMs: number): boolean {
  const isSameNode =
    kept.isHealthy === node.isHealthy && kept.nodeName === node.name && kept.ports === node.endpointPorts(engineId);
  return isSameNode && kept.style === style && kept.validUntilMs > nowMs;
}

function renderPage({ items, version }: ListPage, { style, all }: ListVariant, nowMs: number): RenderedPage {
  const texts: string[] = [];
  let validUntilMs = Number.POSITIVE_INFINITY;
  for (const container of items) {
    if (!all && !container.isListedByDefault) continue;
    const entry = renderEntry(container, style, nowMs);
    texts.push(entry.text);
    if (entry.validUntilMs < validUntilMs) validUntilMs = entry.validUntilMs;
  }
  return { version, bytes: Buffer.from(texts.join(',')), validUntilMs };
}
