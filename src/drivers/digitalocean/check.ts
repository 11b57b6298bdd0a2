import type { RestClient } from '../cloud/rest.ts';
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
    throw wrong(`has no region ${slug} for new Droplets. There are ${others.join(', ')}`);
  }
  if (!region.sizes.includes(size))
    throw wrong(`has no size ${size} in ${slug}. "doctl compute size list" shows the others`);
  const found = await api.find<{ image: { regions: readonly string[] } }>(
    `/v2/images/${encodeURIComponent(image)}`,
    signal,
  );
  if (found === undefined)
    throw wrong(`has no image ${image}. "doctl compute image list --public" shows those there are`);
  if (!found.image.regions.includes(slug))
    throw wrong(`has the image ${image} not in ${slug}. Take another region or image`);
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

function wrong(what: string): DriverError {
  return new DriverError(`DigitalOcean ${what}`, 'BAD_OPTIONS');
}
