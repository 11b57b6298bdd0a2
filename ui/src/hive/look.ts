import type { ContainerRow, NodeRow, UseRow } from '../../../src/page/protocol.ts';
import type { Standing } from './comb.ts';
import type { Palette } from './palette.ts';

export type ColourBy = 'service' | 'state';

/** What a drawing of the map depends on, besides combs and camera. */
export interface Look {
  readonly palette: Palette;
  readonly colourBy: ColourBy;
  colourOf(row: ContainerRow): string;
  row(id: string): ContainerRow | undefined;
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

/** How large a cell is drawn, by what its container reserves: from 16 MiB or a tenth of a CPU to 16 GiB or eight CPUs, each doubling is a step. */
export function sizeOf({ memory = 0, cpus = 0 }: ContainerRow): number {
  if (memory === 0 && cpus === 0) return 0.66;
  const byMemory = memory > 0 ? (Math.log2(memory) - 24) / 10 : 0;
  const byCpus = cpus > 0 ? (Math.log2(cpus) + 3.3) / 6.3 : 0;
  return 0.6 + 0.36 * Math.min(1, Math.max(0, byMemory, byCpus));
}

/** Part of a node that is in use, 0 to 1: as measured, else as reserved. */
export function loadOfNode(node: NodeRow, use: UseRow | undefined): number {
  const [cpus, memory] = use ? [use[1], use[2]] : [node.reservedCpus, node.reservedMemory];
  return Math.min(1, Math.max(node.cpus > 0 ? cpus / node.cpus : 0, node.memory > 0 ? memory / node.memory : 0));
}
