import { BadRequestError } from '../common/errors.ts';
import type { SnapshotNode } from './snapshot.ts';

/** A machine that could be made. */
export interface Candidate {
  readonly name: string;
  /** Of its engine: those that say what machine it is, and the user's own. */
  readonly labels: Readonly<Record<string, string>>;
}

/** Labels of a machine in a fleet file that say how large it is, where no node of its type does. */
export const CPUS_LABEL = 'io.enxame.cpus';
export const MEMORY_LABEL = 'io.enxame.memory';

const UNITS: Readonly<Record<string, number>> = { '': 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 };

/**
 * Candidates as nodes without a price. How large they are say their own labels, else a node of the cluster with the same provider and type.
 * Throws 400 when nobody knows.
 */
export function candidateNodes(
  candidates: readonly Candidate[],
  nodes: readonly Omit<SnapshotNode, 'price'>[],
): readonly Omit<SnapshotNode, 'price'>[] {
  return candidates.map(({ name, labels }) => {
    const entries = Object.entries(labels);
    const like = nodes.find((node) => isAlike(node, labels));
    const memory = labels[MEMORY_LABEL] === undefined ? like?.totalMemoryBytes : bytesOf(name, labels[MEMORY_LABEL]);
    const cpus = labels[CPUS_LABEL] === undefined ? like?.totalNanoCpus : cpusOf(name, labels[CPUS_LABEL]);
    if (!memory || !cpus) throw unknownType(name, labels);
    const builtins = like?.builtins ?? {
      storagedriver: '',
      kernelversion: '',
      operatingsystem: '',
      ostype: 'linux',
      architecture: '',
    };
    return {
      id: `new:${name}`,
      name,
      isHealthy: true,
      availability: 'active',
      labels: entries,
      builtins,
      slots: undefined,
      totalMemoryBytes: memory,
      totalNanoCpus: cpus,
      otherMemoryBytes: 0,
      otherNanoCpus: 0,
      otherContainers: 0,
      isNew: true,
    };
  });
}

function isAlike(
  { labels, isHealthy, totalMemoryBytes }: Omit<SnapshotNode, 'price'>,
  wanted: Candidate['labels'],
): boolean {
  const own = new Map(labels);
  const type = wanted['instance-type'];
  return (
    type !== undefined &&
    isHealthy &&
    totalMemoryBytes > 0 &&
    own.get('instance-type') === type &&
    own.get('provider') === wanted.provider
  );
}

function bytesOf(name: string, text: string): number {
  const [, amount = '', unit = ''] = /^(\d+(?:\.\d+)?) ?([kmgt]?)(?:i?b)?$/i.exec(text) ?? [];
  const factor = UNITS[unit.toLowerCase()];
  if (amount === '' || factor === undefined)
    throw new BadRequestError(`machine ${name}: label ${MEMORY_LABEL}=${text}: write it like 8g`, 'BAD_CANDIDATE');
  return Math.floor(Number(amount) * factor);
}

function cpusOf(name: string, text: string): number {
  if (!/^\d+(?:\.\d+)?$/.test(text) || Number(text) === 0)
    throw new BadRequestError(`machine ${name}: label ${CPUS_LABEL}=${text}: write a number like 4`, 'BAD_CANDIDATE');
  return Math.floor(Number(text) * 1e9);
}

function unknownType(name: string, { provider, 'instance-type': type }: Candidate['labels']): BadRequestError {
  const what =
    type === undefined ? 'it names no instance type' : `no node of type "${type}" at ${provider} is in the cluster`;
  return new BadRequestError(
    `machine ${name}: nobody knows how large it would be: ${what}. Give it the labels ${CPUS_LABEL} and ${MEMORY_LABEL} (like 4 and 8g) in the fleet file`,
    'UNKNOWN_TYPE',
  );
}
