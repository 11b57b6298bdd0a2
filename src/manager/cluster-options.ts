import { isIPv4 } from 'node:net';
import { UsageError } from '../common/errors.ts';
import { isMeshSubnet } from '../mesh/subnet.ts';

/** When cluster networks are prepared on the engines: at once, when the first is needed, or never. */
export type SubstrateMode = 'eager' | 'lazy' | 'off';

/** What `--cluster-opt` and `--adopt-swarm` say. */
export interface ClusterOptions {
  /** 0.05 lets reservations reach 105 % of what a node has. */
  readonly overcommit: number;
  /** How often a create that an engine failed at is tried on another node. */
  readonly createRetries: number;
  readonly substrate: SubstrateMode;
  /** CIDR cluster networks take their subnets from; undefined leaves the engines' own default. */
  readonly subnetPool: string | undefined;
  /** CIDR that a mesh takes its addresses from; undefined: one that overlaps no network of its first nodes. */
  readonly meshSubnet: string | undefined;
  /** Whether `docker pull` pulls on every node or on one. */
  readonly pull: 'all' | 'one';
  /** Whether images that no registry has are kept on a second node, for containers that may move. */
  readonly imageSpares: 'on' | 'off';
  readonly adoptSwarm: boolean;
}

const KNOWN = [
  'swarm.overcommit',
  'swarm.createretry',
  'enxame.substrate',
  'enxame.subnet-pool',
  'enxame.mesh-subnet',
  'enxame.pull',
  'enxame.image-spares',
] as const;

/** Reads `key=value` pairs. Throws a {@link UsageError} for an unknown key or an impossible value. */
export function readClusterOptions(pairs: readonly string[], adoptSwarm: boolean): ClusterOptions {
  const values = new Map(pairs.map(splitPair));
  for (const key of values.keys()) {
    if (!KNOWN.some((known) => known === key)) {
      throw new UsageError(`unknown --cluster-opt "${key}": use one of ${KNOWN.join(', ')}`);
    }
  }
  return {
    overcommit: readOvercommit(values.get('swarm.overcommit')),
    createRetries: readCreateRetries(values.get('swarm.createretry')),
    substrate: oneOf(values.get('enxame.substrate'), 'enxame.substrate', ['eager', 'lazy', 'off']),
    subnetPool: readSubnetPool(values.get('enxame.subnet-pool')),
    meshSubnet: readMeshSubnet(values.get('enxame.mesh-subnet')),
    pull: oneOf(values.get('enxame.pull'), 'enxame.pull', ['all', 'one']),
    imageSpares: oneOf(values.get('enxame.image-spares'), 'enxame.image-spares', ['on', 'off']),
    adoptSwarm,
  };
}

function splitPair(pair: string): [string, string] {
  const equals = pair.indexOf('=');
  if (equals <= 0) throw new UsageError(`--cluster-opt "${pair}" should be key=value`);
  return [pair.slice(0, equals).trim(), pair.slice(equals + 1).trim()];
}

function readOvercommit(text: string | undefined): number {
  if (text === undefined) return 0.05;
  const share = Number(text);
  if (text === '' || !Number.isFinite(share) || share < -1 || share > 1000) {
    throw new UsageError(`--cluster-opt swarm.overcommit="${text}" should be a share such as 0.05`);
  }
  return share;
}

function readCreateRetries(text: string | undefined): number {
  if (text === undefined) return 0;
  if (!/^\d{1,3}$/.test(text))
    throw new UsageError(`--cluster-opt swarm.createretry="${text}" should be a whole number from 0`);
  return Number(text);
}

/** Each network gets a /24 of it. */
function readSubnetPool(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const [address = '', prefix = ''] = text.split('/', 2);
  const bits = /^\d{1,2}$/.test(prefix) ? Number(prefix) : Number.NaN;
  if (!isIPv4(address) || text.split('/').length !== 2 || !(bits >= 8 && bits <= 24))
    throw new UsageError(
      `--cluster-opt enxame.subnet-pool="${text}" should be an IPv4 CIDR from /8 to /24, such as 10.64.0.0/12`,
    );
  return text;
}

function readMeshSubnet(text: string | undefined): string | undefined {
  if (text === undefined || isMeshSubnet(text)) return text;
  throw new UsageError(
    `--cluster-opt enxame.mesh-subnet="${text}" should be an IPv4 CIDR from /8 to /28 without bits beside the network's, such as 10.231.0.0/16`,
  );
}

/** The first choice is the default. */
function oneOf<T extends string>(text: string | undefined, key: string, choices: readonly [T, ...T[]]): T {
  if (text === undefined) return choices[0];
  const choice = choices.find((each) => each === text);
  if (choice === undefined)
    throw new UsageError(`--cluster-opt ${key}="${text}" should be one of ${choices.join(', ')}`);
  return choice;
}
