/** A family of Google's machine types that is priced by its cores and memory. */
interface Family {
  readonly name: string;
  /** How its SKUs begin (`N2D AMD Instance`), before `Core running in …` and `Ram running in …`. */
  readonly sku: string;
  readonly cores: readonly number[];
  /** GiB for each core, by the word in the type's name. */
  readonly memory: Readonly<Record<string, number>>;
}

const USUAL = { standard: 4, highmem: 8 };

/** cloud.google.com/compute/docs/general-purpose-machines, November 2026. Sizes that are not here have no price, rather than a guessed one. */
const FAMILIES: readonly Family[] = [
  { name: 'e2', sku: 'E2 Instance', cores: [2, 4, 8, 16, 32], memory: { ...USUAL, highcpu: 1 } },
  {
    name: 'n1',
    sku: 'N1 Predefined Instance',
    cores: [1, 2, 4, 8, 16, 32, 64, 96],
    memory: { standard: 3.75, highmem: 6.5, highcpu: 0.9 },
  },
  {
    name: 'n2',
    sku: 'N2 Instance',
    cores: [2, 4, 8, 16, 32, 48, 64, 80, 96, 128],
    memory: { ...USUAL, highcpu: 1 },
  },
  {
    name: 'n2d',
    sku: 'N2D AMD Instance',
    cores: [2, 4, 8, 16, 32, 48, 64, 80, 96, 128, 224],
    memory: { ...USUAL, highcpu: 1 },
  },
  { name: 'n4', sku: 'N4 Instance', cores: [2, 4, 8, 16, 32, 48, 64, 80], memory: { ...USUAL, highcpu: 2 } },
  { name: 't2d', sku: 'T2D AMD Instance', cores: [1, 2, 4, 8, 16, 32, 48, 60], memory: { standard: 4 } },
  { name: 't2a', sku: 'T2A Arm Instance', cores: [1, 2, 4, 8, 16, 32, 48], memory: { standard: 4 } },
  { name: 'c2', sku: 'Compute optimized', cores: [4, 8, 16, 30, 60], memory: { standard: 4 } },
  { name: 'c2d', sku: 'C2D AMD Instance', cores: [2, 4, 8, 16, 32, 56, 112], memory: { ...USUAL, highcpu: 2 } },
  { name: 'c3', sku: 'C3 Instance', cores: [4, 8, 22, 44, 88, 176], memory: { ...USUAL, highcpu: 2 } },
];

/** Types that share cores: they pay for a part of them. cloud.google.com/compute/vm-instance-pricing#sharedcore */
const SHARED: readonly MachineShape[] = [
  { name: 'e2-micro', sku: 'E2 Instance', cores: 0.25, memoryGib: 1 },
  { name: 'e2-small', sku: 'E2 Instance', cores: 0.5, memoryGib: 2 },
  { name: 'e2-medium', sku: 'E2 Instance', cores: 1, memoryGib: 4 },
];

/** What a machine type is made of, as far as it is paid for. */
export interface MachineShape {
  readonly name: string;
  readonly sku: string;
  readonly cores: number;
  readonly memoryGib: number;
}

/** Machine types whose prices follow from those of cores and memory. */
export const SHAPES: readonly MachineShape[] = [
  ...SHARED,
  ...FAMILIES.flatMap(({ name, sku, cores, memory }) =>
    Object.entries(memory).flatMap(([word, gib]) =>
      cores.map((count) => ({ name: `${name}-${word}-${count}`, sku, cores: count, memoryGib: count * gib })),
    ),
  ),
];
