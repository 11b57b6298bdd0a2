import type { RestClient } from '../cloud/rest.ts';
import type { DriverContext } from '../driver.ts';
import { DriverError } from '../errors.ts';
import { type Named, pages } from './api.ts';
import type { HetznerOptions } from './options.ts';
import { idsOf } from './parts.ts';

interface ServerType extends Named {
  readonly architecture: string;
  readonly prices: readonly { readonly location: string }[];
}

/** Type, location, image and what is given by name; throws a {@link DriverError} for the first that does not fit. */
export async function assertPossible(
  context: DriverContext<HetznerOptions>,
  api: RestClient,
  signal: AbortSignal,
): Promise<void> {
  const { options, name } = context;
  const { 'hetzner-server-type': type, 'hetzner-server-location': location, 'hetzner-image': image } = options;
  const types = await pages<ServerType>(api, '/server_types', 'server_types', signal);
  const found = types.find((each) => each.name === type);
  if (found === undefined)
    throw wrong(`has no server type ${type}. There are ${types.map((each) => each.name).join(', ')}`);
  const places = found.prices.map((price) => price.location);
  if (!places.includes(location)) throw wrong(`has ${type} not in ${location}. It is in ${places.join(', ')}`);
  await assertImage(api, image, found.architecture, signal);
  await idsOf(api, 'networks', options['hetzner-networks'], signal);
  await idsOf(api, 'firewalls', options['hetzner-firewalls'], signal);
  const key = options['hetzner-existing-key-id'];
  await idsOf(api, 'ssh_keys', key === undefined ? [] : [key], signal);
  type Labelled = Named & { readonly labels: Readonly<Record<string, string>> };
  const [taken] = await pages<Labelled>(api, `/servers?name=${encodeURIComponent(name)}`, 'servers', signal);
  const isOurs = Object.entries(context.tags).every(([label, value]) => taken?.labels[label] === value);
  if (taken === undefined || isOurs) return;
  throw new DriverError(
    `the Hetzner project has a server ${name} already. Take another name, or remove that one`,
    'NAME_TAKEN',
  );
}

async function assertImage(api: RestClient, image: string, architecture: string, signal: AbortSignal): Promise<void> {
  if (/^\d+$/.test(image)) {
    await api.get(`/images/${image}`, signal);
    return;
  }
  const query = `name=${encodeURIComponent(image)}&architecture=${architecture}`;
  const found = await pages<Named>(api, `/images?${query}`, 'images', signal);
  if (found.length === 0)
    throw wrong(`has no image ${image} for ${architecture}. "hcloud image list" shows those there are`);
}

function wrong(what: string): DriverError {
  return new DriverError(`Hetzner Cloud ${what}`, 'BAD_OPTIONS');
}
