import { RestAnswer, type RestCall, RestFailure, type RestRoute } from './rest.ts';

type Body = Readonly<Record<string, unknown>>;

const TYPES: Readonly<Record<string, string>> = {
  'DEV1-S': 'available',
  'DEV1-M': 'scarce',
  'PLAY2-PICO': 'available',
  'GP1-XL': 'shortage',
};
const ZONES = ['fr-par-1', 'fr-par-2', 'nl-ams-1'];
const LABELS = ['debian_bookworm', 'debian_trixie', 'ubuntu_noble'];
const LOCAL_IMAGES = LABELS.flatMap((label) =>
  ZONES.flatMap((zone) => [
    {
      id: `local-${label}-${zone}`,
      label,
      zone,
      type: 'instance_local',
      arch: 'x86_64',
      compatible_commercial_types: ['DEV1-S', 'DEV1-M'],
    },
    {
      id: `sbs-${label}-${zone}`,
      label,
      zone,
      type: 'instance_sbs',
      arch: 'x86_64',
      compatible_commercial_types: label === 'debian_bookworm' ? ['PLAY2-PICO'] : ['DEV1-S', 'PLAY2-PICO'],
    },
  ]),
);
const NETWORKS = [{ id: 'pn-1', name: 'hive' }];

/** Where the Instance API keeps what is in the zone. */
export const ZONE = '/instance/v1/zones/fr-par-1';

export function isNetwork(id: unknown): boolean {
  return NETWORKS.some((network) => network.id === id);
}

/** What Scaleway offers, and the networks of the project: images, types, Private Networks and their addresses. */
export function catalogueRoutes(state: {
  readonly servers: readonly { readonly nics: readonly Body[] }[];
}): readonly RestRoute[] {
  return [
    [
      'GET',
      /\/marketplace\/v2\/images/,
      (call) =>
        page(
          'images',
          LABELS.map((label) => ({ label, name: label })),
          call,
        ),
    ],
    [
      'GET',
      /\/marketplace\/v2\/local-images/,
      (call) => {
        const [label, zone] = [call.query.get('image_label'), call.query.get('zone')];
        if (!LABELS.includes(label ?? '')) throw new RestFailure(404, 'not_found', 'resource is not found');
        const found = LOCAL_IMAGES.filter((each) => each.label === label && (zone === null || each.zone === zone));
        return page('local_images', found, call);
      },
    ],
    [
      'GET',
      new RegExp(`${ZONE}/products/servers/availability`),
      () => ({
        servers: Object.fromEntries(Object.entries(TYPES).map(([type, availability]) => [type, { availability }])),
      }),
    ],
    ['GET', /\/vpc\/v2\/regions\/fr-par\/private-networks/, (call) => page('private_networks', NETWORKS, call)],
    [
      'GET',
      /\/ipam\/v1\/regions\/fr-par\/ips/,
      ({ query }) => ({
        ips: state.servers.some(({ nics }) => nics.some(({ id }) => id === query.get('resource_id')))
          ? [{ id: 'ip', address: '172.16.4.2/22' }]
          : [],
        total_count: 1,
      }),
    ],
  ];
}

/** One page of a list, with its count in body and header. */
export function page(key: string, all: readonly unknown[], { query }: RestCall): RestAnswer {
  const size = Number(query.get('per_page') ?? query.get('page_size') ?? 50);
  const number = Number(query.get('page') ?? 1);
  const found = all.slice((number - 1) * size, number * size);
  return new RestAnswer(200, { [key]: found, total_count: all.length }, { 'x-total-count': String(all.length) });
}

/** What the Instance API looks at before it makes a server. */
export function assertServer({ commercial_type, image, tags, volumes }: Body): void {
  const found = LOCAL_IMAGES.find(({ id }) => id === image);
  const { 0: root } = volumes as Readonly<Record<string, Body>>;
  if (TYPES[String(commercial_type)] === 'shortage') throw new RestFailure(412, 'out_of_stock', 'out of stock');
  if (!found?.compatible_commercial_types.includes(String(commercial_type)))
    throw new RestFailure(400, 'invalid_arguments', 'image');
  if (root?.volume_type !== (found.type === 'instance_sbs' ? 'sbs_volume' : 'l_ssd'))
    throw new RestFailure(400, 'invalid_arguments', 'volumes');
  if ((tags as string[]).some((tag) => tag.includes(' '))) throw new RestFailure(400, 'invalid_arguments', 'tags');
}
