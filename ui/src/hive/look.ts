import type { ContainerRow, NodeRow, UseRow } from '../../../src/page/protocol.ts';
import type { Standing } from './comb.ts';
import type { Palette } from './palette.ts';

export type ColourBy = 'service' | 'state';

/** What a drawing of the map depends on, besides combs and camera. */
export interface Look {
  readonly palette: Palette;
  readonly colourBy: ColourBy;
  /** @param kin what it belongs to, where that is known already */
  colourOf(row: ContainerRow, kin?: string): string;
  use(n: number): UseRow | undefined;
  /** Those that are not asked for are drawn faintly. */
  matches(row: ContainerRow): boolean;
  readonly isFiltered: boolean;
  /** In words, below a comb. */
  wordFor(standing: Standing): string;
}

/** From what radius of a comb in pixels on its cells are dots, and hexagons. */
export const DOTS = 6;
export const HEXAGONS = 20;

/** Part of a node that is in use, 0 to 1: as measured, else as reserved. */
export function loadOfNode(node: NodeRow, use: UseRow | undefined): number {
  const [cpus, memory] = use ? [use[1], use[2]] : [node.reservedCpus, node.reservedMemory];
  return Math.min(1, Math.max(node.cpus > 0 ? cpus / node.cpus : 0, node.memory > 0 ? memory / node.memory : 0));
}
