import type { Node } from '../cluster/node.ts';
import { ConflictError } from '../common/errors.ts';
import type { ContainerSpec } from '../desired/container-spec.ts';
import type { ContainerRecord, MovingVolume } from '../desired/record.ts';
import { ANSWERS, askEngine } from '../engine/answers.ts';
import { fieldsOf, textOf } from '../scheduler/json.ts';
import type { ProvisionalDeps } from './deps.ts';
import { carriedBy, refusalsOfVolumes } from './moving-mounts.ts';

const CALL_MS = 20_000;

/** A container whose volumes move with it. */
export interface VolumeUser {
  readonly record: ContainerRecord;
  readonly spec: ContainerSpec;
}

/** What has to be known of containers whose volumes move with them. */
export interface MovingMounts {
  readonly volumes: readonly MovingVolume[];
  /** By volume without a name: the key of the record whose successor gets another one for it. */
  readonly owners: ReadonlyMap<string, string>;
  /** The image's ID on its node. */
  readonly image: string;
  /** Paths at which the image, or the create, has volumes without a name. */
  readonly imageVolumes: readonly string[];
}

/** What goes with containers that move as one. Throws 409 with the reason when something cannot. */
export async function movingMounts(
  deps: ProvisionalDeps,
  users: readonly [VolumeUser, ...VolumeUser[]],
  { from, to }: { readonly from: Node; readonly to: Node },
  signal: AbortSignal,
): Promise<MovingMounts | undefined> {
  const [{ record }] = users;
  const { volumes, owners } = volumesOf(deps, users, from);
  const refusal = refusalsOfVolumes(deps, volumes, [to]).get(to.id);
  if (refusal !== undefined) throw stays(record, `${to.name} cannot take its volumes: ${refusal}`);
  if (volumes.length === 0) return undefined;
  return { volumes, owners, ...(await imageOf(from, record.current.engineId ?? '', signal)) };
}

/** All volumes of containers that move as one, each once. Throws 409 with the reason when one cannot come along. */
function volumesOf(
  deps: ProvisionalDeps,
  users: readonly VolumeUser[],
  from: Node,
): Pick<MovingMounts, 'volumes' | 'owners'> {
  const companions = new Set(users.map(({ record }) => record.key));
  const found = new Map<string, MovingVolume>();
  const owners = new Map<string, string>();
  for (const { record, spec } of users) {
    const container = from.containers.get(record.current.engineId ?? '');
    if (!container) throw stays(record, `${from.name} does not list it`);
    const carried = carriedBy(deps, { record, spec, container, companions });
    if (typeof carried === 'string') throw stays(record, carried);
    for (const each of carried) {
      const known = found.get(each.volume);
      // Of those that have it from another one (`--volumes-from`) that one comes before them, and asked for it.
      if (known === undefined) found.set(each.volume, each);
      if (known === undefined && each.anonymousAt !== undefined) owners.set(each.volume, record.key);
      if (known && (known.anonymousAt === undefined) !== (each.anonymousAt === undefined))
        throw stays(
          record,
          `volume "${each.volume}" has no name of its own in another container, and goes by one here`,
        );
    }
  }
  return { volumes: [...found.values()], owners };
}

function stays({ name }: ContainerRecord, why: string): ConflictError {
  return new ConflictError(`${name} stays: ${why}`, 'MOVE_REFUSED');
}

async function imageOf(
  node: Node,
  engineId: string,
  signal: AbortSignal,
): Promise<Pick<MovingMounts, 'image' | 'imageVolumes'>> {
  const request = { method: 'GET', path: `/containers/${engineId}/json`, timeoutMs: CALL_MS, signal };
  const { Image, Config } = fieldsOf(await askEngine(node.client, request, ANSWERS.details));
  return { image: textOf(Image), imageVolumes: Object.keys(fieldsOf(fieldsOf(Config).Volumes)) };
}

/** What the volumes of a container are called, by where they are mounted. */
export async function volumesByPath(
  node: Node,
  engineId: string,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  const request = { method: 'GET', path: `/containers/${engineId}/json`, timeoutMs: CALL_MS, signal };
  const { Mounts } = fieldsOf(await askEngine(node.client, request, ANSWERS.details));
  return new Map(
    (Array.isArray(Mounts) ? Mounts : []).map((mount) => {
      const { Destination, Name } = fieldsOf(mount);
      return [textOf(Destination), textOf(Name)];
    }),
  );
}
