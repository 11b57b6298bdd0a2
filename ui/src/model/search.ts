import type { ContainerRow, NodeRow } from '../../../src/page/protocol.ts';

/** Finds rows by words that all must occur somewhere in them. */
export interface Searcher {
  container(row: ContainerRow, node: NodeRow | undefined): boolean;
  node(row: NodeRow): boolean;
  /** Any row, by its texts. */
  texts(...texts: readonly (string | undefined)[]): boolean;
}

export function searcher(asked: string): Searcher {
  const parts = asked.toLowerCase().split(/\s+/).filter(Boolean);
  const has = (text: string): boolean => {
    const lower = text.toLowerCase();
    return parts.every((part) => lower.includes(part));
  };
  if (parts.length === 0) return { container: () => true, node: () => true, texts: () => true };
  return {
    container: ({ name, image, id, state, health = '', service = '', project = '' }, node) =>
      has(`${name} ${image} ${id} ${state} ${health} ${service} ${project} ${node?.name ?? ''}`),
    node: ({ name, address, id, state, availability, domains, version }) =>
      has(`${name} ${address} ${id} ${state} ${availability} ${domains.join(' ')} ${version}`),
    texts: (...texts) => has(texts.join(' ')),
  };
}
