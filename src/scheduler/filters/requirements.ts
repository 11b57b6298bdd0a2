import type { NodeView, PlacementRequest, Platform } from '../types.ts';
import type { Check, Filter } from './filter.ts';

/** Nodes the manager itself rules out for this request: they just failed to create the container. */
export const excludedFilter: Filter = {
  name: 'excluded',
  prepare({ excluded }: PlacementRequest): Check | undefined {
    if (excluded === undefined || excluded.size === 0) return undefined;
    return {
      accepts: (node) => !excluded.has(node.id),
      explain: (refused) => [...new Set(refused.map((node) => excluded.get(node.id)))].join(', '),
    };
  },
};

const WORDS = { active: '', pause: 'paused', drain: 'drained' } as const;

const isActive: Check = {
  accepts: ({ availability }) => availability === 'active',
  explain: (refused) => [...new Set(refused.map(({ availability }) => WORDS[availability]))].join(' or '),
};

/** Nodes that an operator paused, or drains. */
export const pausedFilter: Filter = { name: 'paused', prepare: () => isActive };

/** A volume's or a local network's home: the container goes there or nowhere. */
export const homeFilter: Filter = {
  name: 'home',
  prepare({ homes }: PlacementRequest): Check | undefined {
    if (homes === undefined || homes.length === 0) return undefined;
    return {
      accepts: (node) => homes.every(({ nodeId }) => nodeId === node.id),
      explain: () => [...new Set(homes.map(({ reason }) => reason))].join(', '),
    };
  },
};

/** The image's or `--platform`'s operating system and architecture. */
export const platformFilter: Filter = {
  name: 'platform',
  prepare({ platform }: PlacementRequest): Check | undefined {
    if (platform === undefined) return undefined;
    const { os, architecture } = platform;
    return {
      accepts: (node) => runs(node, platform),
      explain: () => `does not run ${architecture === undefined ? os : `${os}/${architecture}`}`,
    };
  },
};

/** Engines that do not say what they are get the benefit of the doubt. */
function runs({ builtins }: NodeView, { os, architecture }: Platform): boolean {
  if (builtins.ostype !== '' && builtins.ostype !== os) return false;
  if (architecture === undefined || builtins.architecture === '') return true;
  return dockerArchitecture(builtins.architecture) === dockerArchitecture(architecture);
}

/** Engines report the kernel's word for the machine, images and `--platform` use Go's. */
function dockerArchitecture(name: string): string {
  if (name === 'x86_64' || name === 'x64') return 'amd64';
  if (name === 'aarch64') return 'arm64';
  if (/^arm(hf|el|v[5-7]l?)$/.test(name)) return 'arm';
  return /^i[3-6]86$/.test(name) ? '386' : name;
}
