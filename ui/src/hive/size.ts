import type { ContainerRow } from '../../../src/page/protocol.ts';

/** How large a cell is drawn, by what its container reserves: from 16 MiB or a tenth of a CPU to 16 GiB or eight CPUs, each doubling is a step. */
export function sizeOf({ memory = 0, cpus = 0 }: ContainerRow): number {
  if (memory === 0 && cpus === 0) return 0.66;
  const byMemory = memory > 0 ? (Math.log2(memory) - 24) / 10 : 0;
  const byCpus = cpus > 0 ? (Math.log2(cpus) + 3.3) / 6.3 : 0;
  return 0.6 + 0.36 * Math.min(1, Math.max(0, byMemory, byCpus));
}
