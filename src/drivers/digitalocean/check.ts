import type { RestClient } from '../cloud/rest.ts';
import { notOffered } from '../cloud/suggest.ts';
import type { DriverContext } from '../driver.ts';
import { DriverError } from '../errors.ts';
import { pages } from './droplet.ts';
import type { DigitalOceanOptions } from './options.ts';

interface Region {
  readonly slug: string;
  readonly available: boolean;
  readonly sizes: readonly string[];
}

/** Account, limit, region, size and image; throws a {@link DriverError} for the first that does not fit. */
export async function assertPossible(
  { options, journal }: DriverContext<DigitalOceanOptions>,
  api: RestClient,
  signal: AbortSignal,
): Promise<void> {
  await assertAccount(api, journal.find('server') === undefined, signal);
  const { 'digitalocean-region': slug, 'digitalocean-size': size, 'digitalocean-image': image } = options;
  const regions = await pages<Region, 'regions'>(api, '/v2/regions', 'regions', signal);
  const region = regions.find((each) => each.slug === slug);
  if (region?.available !== true) {
    const others = regions.filter(({ available }) => available).map((each) => each.slug);
    throw unknown('region', slug, others, region === undefined ? undefined : 'for new Droplets');
  }
  if (!region.sizes.includes(size)) throw unknown('size', size, region.sizes, `in ${slug}`);
  const found = await api.find<{ image: { regions: readonly string[] } }>(
    `/v2/images/${encodeURIComponent(image)}`,
    signal,
  );
  if (found === undefined) {
    type Listed = { readonly slug: string | null };
    const all = await pages<Listed, 'images'>(api, '/v2/images?type=distribution', 'images', signal);
    throw unknown(
      'image',
      image,
      all.flatMap((each) => each.slug ?? []),
    );
  }
  if (!found.image.regions.includes(slug))
    throw new DriverError(
      `DigitalOcean has the image ${image} not in ${slug}. Take another region or image`,
      'BAD_OPTIONS',
    );
}

async function assertAccount(api: RestClient, isNew: boolean, signal: AbortSignal): Promise<void> {
  const { account } = await api.get<{ account: { status: string; status_message?: string; droplet_limit: number } }>(
    '/v2/account',
    signal,
  );
  if (account.status === 'locked')
    throw new DriverError(
      `the DigitalOcean account is locked: ${account.status_message}. See the control panel`,
      'FORBIDDEN',
    );
  const { meta } = await api.get<{ meta: { total: number } }>('/v2/droplets?per_page=1', signal);
  if (isNew && meta.total >= account.droplet_limit)
    throw new DriverError(
      `the DigitalOcean account has ${meta.total} of ${account.droplet_limit} Droplets. Remove some, or ask for a higher limit in the control panel`,
      'QUOTA',
    );
}

function unknown(what: string, given: string, offered: readonly string[], where?: string): DriverError {
  return notOffered({ provider: 'DigitalOcean', what, given, offered, where });
}
