import { SERVER } from '../cloud/cloud-driver.ts';
import { notOffered } from '../cloud/suggest.ts';
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
  if (found === undefined) throw unknown('zone', zone, await namesAt(google, '/zones', signal));
  const machine = await google.find<{ guestCpus: number }>(`/zones/${zone}/machineTypes/${type}`, signal);
  if (machine === undefined)
    throw unknown('machine type', type, await namesAt(google, `/zones/${zone}/machineTypes`, signal), `in ${zone}`);
  if (journal.find(SERVER) === undefined) await assertQuota(options, google, machine.guestCpus, signal);
  if ((await google.findElsewhere(image, signal)) === undefined) throw await unknownImage(google, image, signal);
  const network = options['google-network'];
  if ((await google.find(`/global/networks/${network}`, signal)) === undefined)
    throw wrong(`has no network ${network} in the project. Give another --google-network`);
  const subnetwork = options['google-subnetwork'];
  if (subnetwork === undefined) return;
  if ((await google.find(`/regions/${regionOf(options)}/subnetworks/${subnetwork}`, signal)) === undefined)
    throw wrong(`has no subnetwork ${subnetwork} in ${regionOf(options)}`);
}

/** Google's longest page, which holds all zones and the machine types of a zone. */
const PAGE = 'maxResults=500';

async function namesAt(google: ComputeEngine, path: string, signal: AbortSignal): Promise<readonly string[]> {
  type Page = { readonly items?: readonly { readonly name: string }[] };
  const { items = [] } = await google.get<Page>(`${path}?${PAGE}&fields=items(name)`, signal);
  return items.map(({ name }) => name);
}

/** Suggests what the project of the image has: names, or families. */
async function unknownImage(google: ComputeEngine, image: string, signal: AbortSignal): Promise<DriverError> {
  type Listed = { readonly name: string; readonly family?: string; readonly deprecated?: unknown };
  const project = image.slice(0, image.indexOf('/'));
  const query = `${PAGE}&fields=items(name,family,deprecated)&orderBy=${encodeURIComponent('creationTimestamp desc')}`;
  const path = `${project}/global/images?${query}`;
  const page = await google.findElsewhere<{ items?: readonly Listed[] }>(path, signal).catch(() => undefined);
  const current = (page?.items ?? []).filter(({ deprecated }) => deprecated === undefined);
  if (current.length === 0) return wrong(`has no image ${image}. "gcloud compute images list" shows those there are`);
  const isFamily = image.includes('/family/');
  const offered = current.flatMap(({ name, family }) => (isFamily ? (family ?? []) : name));
  const given = image.slice(image.lastIndexOf('/') + 1);
  return unknown(isFamily ? 'image family' : 'image', given, [...new Set(offered)], `in ${project}`);
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

function unknown(what: string, given: string, offered: readonly string[], where?: string): DriverError {
  return notOffered({ provider: 'Google Compute Engine', what, given, offered, where });
}

function wrong(what: string): DriverError {
  return new DriverError(`Google Compute Engine ${what}`, 'BAD_OPTIONS');
}
