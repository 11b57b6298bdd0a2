import type { Container } from '../cluster/container.ts';
import type { Node } from '../cluster/node.ts';
import { SITE_KEEPS_VOLUMES } from '../cluster/site.ts';
import type { ContainerSpec } from '../desired/container-spec.ts';
import type { ContainerRecord, MovingVolume } from '../desired/record.ts';
import type { ProvisionalDeps } from './deps.ts';

/** Engines give a volume without a name 64 hexadecimal digits. */
export const GIVEN_NAME: RegExp = /^[0-9a-f]{64}$/;

type CarryDeps = Pick<ProvisionalDeps, 'desired'> & {
  readonly volumes: Pick<ProvisionalDeps['volumes'], 'moves' | 'homeOf'>;
};

/** A container that may move, with what it is made from. */
export interface Carrier {
  readonly record: ContainerRecord;
  readonly spec: ContainerSpec;
  readonly container: Container;
  /** Keys of the records that move as one with it, and so may use its volumes; default none. */
  readonly companions?: ReadonlySet<string>;
}

/**
 * The volumes that would go with a container, wherever to, as its node's listing has them; or why one of them cannot come along, and so the
 * container stays.
 */
export function carriedBy(deps: CarryDeps, carrier: Carrier): readonly MovingVolume[] | string {
  const { spec, container } = carrier;
  const named = new Set(spec.volumes);
  const found = new Map<string, MovingVolume>();
  for (const { Type, Name: name = '', Destination: path = '' } of container.entry().Mounts ?? []) {
    const summary = deps.volumes.moves.summaryOf(name, container.node);
    if (Type !== 'volume' || name === '' || summary?.Scope === 'global') continue;
    const isAnonymous = !named.has(name) && GIVEN_NAME.test(name);
    const why = hindranceOf(deps, name, isAnonymous, carrier);
    if (why !== undefined) return `volume "${isAnonymous ? path : name}" does not come along: ${why}`;
    found.set(name, {
      volume: name,
      createdAt: summary?.CreatedAt ?? '',
      ...(isAnonymous && { anonymousAt: path }),
      ...(deps.volumes.moves.carriageOf(name, container.node)?.kind === 'alike' && { isAlike: true }),
    });
  }
  return [...found.values()];
}

/** Nodes that cannot take volumes, by ID, with the reason: they have others of the same name. */
export function refusalsOfVolumes(
  { volumes: { moves } }: CarryDeps,
  carried: readonly { readonly volume: string; readonly anonymousAt?: string; readonly isAnonymous?: boolean }[],
  nodes: readonly Node[],
): ReadonlyMap<string, string> {
  const sites = carried.length === 0 ? [] : nodes.filter(({ isSite }) => isSite);
  const named = carried.filter(({ anonymousAt, isAnonymous }) => anonymousAt === undefined && !isAnonymous);
  return new Map([
    ...nodes.flatMap((node): [string, string][] => {
      const why = named.map(({ volume }) => moves.refusalOf(volume, node)).find((each) => each !== undefined);
      return why === undefined ? [] : [[node.id, why]];
    }),
    ...sites.map(({ id }): [string, string] => [id, SITE_KEEPS_VOLUMES]),
  ]);
}

function hindranceOf(
  { volumes, desired }: CarryDeps,
  volume: string,
  isAnonymous: boolean,
  { record, container: { node }, companions }: Carrier,
): string | undefined {
  if (node.isSite) return SITE_KEEPS_VOLUMES;
  const carriage = volumes.moves.carriageOf(volume, node);
  if (volumes.moves.hindrance !== undefined) return volumes.moves.hindrance;
  if (!carriage) return `${node.name} does not list it`;
  if (carriage.kind === 'bound') return carriage.why;
  const other = usersOf(node, volume).find(({ id }) => {
    const key = desired.index.byId(id)?.key ?? '';
    return key !== record.key && !companions?.has(key);
  });
  if (other) return `container ${other.name} uses it, too`;
  const home = isAnonymous ? node : volumes.homeOf(volume);
  return home === node ? undefined : `its home is ${home?.name ?? 'not known'}, not ${node.name}`;
}

/** The containers of a node that mount a volume, whether they run or not. */
export function usersOf(node: Node, volume: string): readonly Container[] {
  return [...node.containers.values()].filter((container) =>
    container.entry().Mounts?.some((mount) => mount.Type === 'volume' && mount.Name === volume),
  );
}
