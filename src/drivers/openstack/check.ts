import { givenBytes } from '../cloud/given-file.ts';
import { givenKey } from '../cloud/key-files.ts';
import type { RestClient } from '../cloud/rest.ts';
import { notOffered } from '../cloud/suggest.ts';
import type { DriverContext } from '../driver.ts';
import { DriverError } from '../errors.ts';
import { pages } from './api.ts';
import {
  type Flavor,
  findFlavor,
  findGroups,
  findImage,
  findNetworks,
  findPool,
  findServerGroup,
  type Image,
} from './look-up.ts';
import type { OpenStackOptions } from './options.ts';
import { USER_DATA } from './server.ts';
import type { Session } from './session.ts';

type Context = DriverContext<OpenStackOptions>;

/** Credentials, region, names, sizes and limits; throws a DriverError for the first that does not fit. */
export async function assertPossible(
  context: Context,
  api: RestClient,
  session: Session,
  signal: AbortSignal,
): Promise<void> {
  const { options } = context;
  const path = options['openstack-private-key-file'];
  if (path !== undefined) await givenKey(path, 'openstack-private-key-file');
  await givenBytes(options['openstack-user-data-file'], USER_DATA);
  await session.region(signal);
  const flavor = await findFlavor(context, api, signal);
  assertFits(context, flavor, await findImage(context, api, signal));
  await assertZone(context, api, signal);
  await findNetworks(context, api, await session.project(signal), signal);
  if (options['openstack-floatingip-pool'] !== undefined) await findPool(context, api, signal);
  await findGroups(context, api, signal);
  if (options['openstack-server-group'] !== undefined) await findServerGroup(context, api, signal);
  await assertKeypair(context, api, signal);
  await assertVolumeType(context, api, signal);
  await assertLimits(api, flavor, signal);
}

function assertFits({ options }: Context, flavor: Flavor, image: Image): void {
  const isOnVolume = options['openstack-boot-from-volume'];
  const disk = isOnVolume ? options['openstack-volume-size'] : flavor.disk;
  if (disk === 0)
    throw new DriverError(
      `the flavor ${flavor.name} has no disk. Give --openstack-boot-from-volume, or take another flavor`,
      'BAD_OPTIONS',
    );
  if (image.min_disk > disk || image.min_ram > flavor.ram) {
    const need = `${image.min_disk} GiB of disk and ${image.min_ram} MiB of memory`;
    const have = `${isOnVolume ? 'the volume' : `the flavor ${flavor.name}`} has ${disk} GiB, the flavor ${flavor.ram} MiB`;
    throw new DriverError(`the image ${image.name} needs ${need}; ${have}. Take a larger one`, 'BAD_OPTIONS');
  }
}

async function assertZone({ options }: Context, api: RestClient, signal: AbortSignal): Promise<void> {
  const given = options['openstack-availability-zone'];
  if (given === undefined) return;
  type Zone = { readonly zoneName: string; readonly zoneState: { readonly available: boolean } };
  const answer = await api.get<{ readonly availabilityZoneInfo: readonly Zone[] }>(
    '/compute/os-availability-zone',
    signal,
  );
  const offered = answer.availabilityZoneInfo.filter((each) => each.zoneState.available).map((each) => each.zoneName);
  // "zone:host" names a host, which only administrators may.
  if (!offered.includes(given.split(':')[0] ?? ''))
    throw notOffered({ provider: 'OpenStack', what: 'availability zone', given, offered });
}

async function assertKeypair({ options }: Context, api: RestClient, signal: AbortSignal): Promise<void> {
  const given = options['openstack-keypair-name'];
  if (given === undefined) return;
  if ((await api.find(`/compute/os-keypairs/${encodeURIComponent(given)}`, signal)) !== undefined) return;
  type Listed = { readonly keypair: { readonly name: string } };
  const all = await pages<Listed>(api, '/compute/os-keypairs', 'keypairs', signal);
  throw notOffered({ provider: 'OpenStack', what: 'key pair', given, offered: all.map((each) => each.keypair.name) });
}

async function assertVolumeType({ options }: Context, api: RestClient, signal: AbortSignal): Promise<void> {
  const given = options['openstack-volume-type'];
  if (given === undefined || !options['openstack-boot-from-volume']) return;
  type Type = { readonly id: string; readonly name: string };
  const all = await pages<Type>(api, '/volume/types', 'volume_types', signal);
  if (!all.some(({ id, name }) => id === given || name === given))
    throw notOffered({ provider: 'OpenStack', what: 'volume type', given, offered: all.map(({ name }) => name) });
}

/** Nova's limits; those of other services are said when they are met. */
async function assertLimits(api: RestClient, flavor: Flavor, signal: AbortSignal): Promise<void> {
  const { limits } = await api.get<{ readonly limits: { readonly absolute: Readonly<Record<string, number>> } }>(
    '/compute/limits',
    signal,
  );
  const rows = [
    ['instances', 'maxTotalInstances', 'totalInstancesUsed', 1],
    ['cores', 'maxTotalCores', 'totalCoresUsed', flavor.vcpus],
    ['MiB of memory', 'maxTotalRAMSize', 'totalRAMUsed', flavor.ram],
  ] as const;
  for (const [what, limit, used, needed] of rows) {
    const [most = -1, now = 0] = [limits.absolute[limit], limits.absolute[used]];
    if (most >= 0 && now + needed > most)
      throw new DriverError(
        `the project uses ${now} of ${most} ${what} and would need ${needed} more. Remove what is not needed, or ask for more`,
        'QUOTA',
      );
  }
}
