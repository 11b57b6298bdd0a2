import type { Node } from '../cluster/node.ts';
import { ConflictError } from '../common/errors.ts';
import type { ContainerSpec } from '../desired/container-spec.ts';
import type { ContainerRecord, MovingVolume } from '../desired/record.ts';
import { ANSWERS, askEngine } from '../engine/answers.ts';
import { fieldsOf, textOf } from '../scheduler/json.ts';
import type { ProvisionalDeps } from './deps.ts';

const CALL_MS = 20_000;
/** Engines give a volume without a name 64 hexadecimal digits. */
const GIVEN_NAME = /^[0-9a-f]{64}$/;

/** What has to be known of a container whose volumes move with it. */
export interface MovingMounts {
  readonly volumes: readonly MovingVolume[];
  /** The image's ID on the node. */
  readonly image: string;
  /** Paths at which the image, or the create, has volumes without a name. */
  readonly imageVolumes: readonly string[];
}

interface Mount {
  readonly name: string;
  readonly path: string;
}

/**
 * What a container on a healthy node would take along to another one. Throws 409 with the reason when one of its volumes cannot come along: nothing
 * was touched.
 */
export async function movingMounts(
  deps: ProvisionalDeps,
  record: ContainerRecord,
  spec: ContainerSpec,
  { from, to }: { readonly from: Node; readonly to: Node },
  signal: AbortSignal,
): Promise<MovingMounts> {
  const { engineId = '' } = record.current;
  const request = { method: 'GET', path: `/containers/${engineId}/json`, timeoutMs: CALL_MS, signal };
  const { Mounts, Image, Config } = fieldsOf(await askEngine(from.client, request, ANSWERS.details));
  const imageVolumes = Object.keys(fieldsOf(fieldsOf(Config).Volumes));
  const mounts = (Array.isArray(Mounts) ? Mounts : []).flatMap((mount): Mount[] => {
    const { Type, Name, Destination } = fieldsOf(mount);
    return Type === 'volume' ? [{ name: textOf(Name), path: textOf(Destination) }] : [];
  });
  const named = new Set(spec.volumes);
  const found = new Map<string, MovingVolume>();
  for (const mount of mounts) {
    const volume = movingVolume(deps, mount, !named.has(mount.name) && GIVEN_NAME.test(mount.name), from);
    if (!volume) continue;
    const why = hindranceOf(deps, volume, record, from, to);
    if (why !== undefined)
      throw new ConflictError(`${record.name} stays: volume ${mount.name} does not come along: ${why}`, 'MOVE_REFUSED');
    found.set(mount.name, volume);
  }
  return { volumes: [...found.values()], image: textOf(Image), imageVolumes };
}

/** Undefined for one that is the same everywhere. */
function movingVolume(
  { volumes: { moves } }: ProvisionalDeps,
  { name, path }: Mount,
  isAnonymous: boolean,
  from: Node,
): MovingVolume | undefined {
  const summary = moves.summaryOf(name, from);
  if (summary?.Scope === 'global') return undefined;
  return {
    volume: name,
    createdAt: summary?.CreatedAt ?? '',
    ...(isAnonymous && { anonymousAt: path }),
    ...(moves.carriageOf(name)?.kind === 'alike' && { isAlike: true }),
  };
}

function hindranceOf(
  { volumes, desired }: ProvisionalDeps,
  { volume, anonymousAt }: MovingVolume,
  record: ContainerRecord,
  from: Node,
  to: Node,
): string | undefined {
  const { moves } = volumes;
  const carriage = moves.carriageOf(volume);
  if (!carriage) return `node ${from.name} does not list it`;
  if (carriage.kind === 'bound') return carriage.why;
  const other = usersOf(from, volume).find(({ id }) => desired.index.byId(id)?.key !== record.key);
  if (other) return `container ${other.name} uses it, too`;
  if (anonymousAt !== undefined) return undefined;
  const home = volumes.homeOf(volume);
  if (home !== from) return `its home is ${home?.name ?? 'nowhere'}, and not ${from.name}`;
  const refusal = moves.refusalOf(volume, to);
  return refusal && `${to.name} cannot take it: ${refusal}`;
}

/** The containers of a node that mount a volume, whether they run or not. */
export function usersOf(node: Node, volume: string): readonly { readonly id: string; readonly name: string }[] {
  return [...node.containers.values()].filter((container) =>
    container.entry().Mounts?.some((mount) => mount.Type === 'volume' && mount.Name === volume),
  );
}
