import { SERVER } from '../cloud/cloud-driver.ts';
import type { DriverContext } from '../driver.ts';
import { DriverError } from '../errors.ts';
import type { ComputeEngine } from './api.ts';
import type { GoogleOptions } from './options.ts';
import { regionOf } from './parts.ts';

type Context = DriverContext<GoogleOptions>;

interface Quota {
  readonly metric: string;
  readonly limit: number;
  readonly usage: number;
}

/** Zone, machine type, quota, image and network; throws a {@link DriverError} for the first that does not fit. */
export async function assertPossible(
  { options, journal }: Context,
  google: ComputeEngine,
  signal: AbortSignal,
): Promise<void> {
  const { 'google-zone': zone, 'google-machine-type': type, 'google-machine-image': image } = options;
  const found = await google.find<{ status: string }>(`/zones/${zone}`, signal);
  if (found === undefined) throw wrong(`has no zone ${zone}. "gcloud compute zones list" shows those there are`);
  const machine = await google.find<{ guestCpus: number }>(`/zones/${zone}/machineTypes/${type}`, signal);
  if (machine === undefined) throw wrong(`has no machine type ${type} in ${zone}. Take another one or another zone`);
  if (journal.find(SERVER) === undefined) await assertQuota(options, google, machine.guestCpus, signal);
  if ((await google.findElsewhere(image, signal)) === undefined)
    throw wrong(`has no image ${image}. "gcloud compute images list" shows those there are`);
  const network = options['google-network'];
  if ((await google.find(`/global/networks/${network}`, signal)) === undefined)
    throw wrong(`has no network ${network} in the project. Give another --google-network`);
  const subnetwork = options['google-subnetwork'];
  if (subnetwork === undefined) return;
  if ((await google.find(`/regions/${regionOf(options)}/subnetworks/${subnetwork}`, signal)) === undefined)
    throw wrong(`has no subnetwork ${subnetwork} in ${regionOf(options)}`);
}

async function assertQuota(
  options: GoogleOptions,
  google: ComputeEngine,
  cpus: number,
  signal: AbortSignal,
): Promise<void> {
  const region = regionOf(options);
  const { quotas } = await google.get<{ quotas: readonly Quota[] }>(`/regions/${region}`, signal);
  const needs: Readonly<Record<string, number>> = { CPUS: cpus, INSTANCES: 1 };
  const short = quotas.find(({ metric, limit, usage }) => usage + (needs[metric] ?? Number.NEGATIVE_INFINITY) > limit);
  if (short === undefined) return;
  const { metric, limit, usage } = short;
  throw new DriverError(
    `Google Compute Engine: ${usage} of ${limit} ${metric} in ${region} are used, and this machine needs ${needs[metric]}. Remove some, take another region, or ask for more under "Quotas" in the console`,
    'QUOTA',
  );
}

function wrong(what: string): DriverError {
  return new DriverError(`Google Compute Engine ${what}`, 'BAD_OPTIONS');
}
