import type { RestClient } from '../cloud/rest.ts';
import { notOffered } from '../cloud/suggest.ts';
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
    throw unknown(
      'server type',
      type,
      types.map((each) => each.name),
    );
  const everywhere = new Set(types.flatMap(({ prices }) => prices.map((price) => price.location)));
  if (!everywhere.has(location)) throw unknown('location', location, [...everywhere]);
  const places = found.prices.map((price) => price.location);
  if (!places.includes(location))
    throw new DriverError(`Hetzner Cloud has ${type} not in ${location}. It is in ${places.join(', ')}`, 'BAD_OPTIONS');
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
  if (found.length > 0) return;
  const all = await pages<Named>(api, `/images?type=system&architecture=${architecture}`, 'images', signal);
  throw unknown(
    'image',
    image,
    all.map((each) => each.name),
    `for ${architecture}`,
  );
}

function unknown(what: string, given: string, offered: readonly string[], where?: string): DriverError {
  return notOffered({ provider: 'Hetzner Cloud', what, given, offered, where });
}
