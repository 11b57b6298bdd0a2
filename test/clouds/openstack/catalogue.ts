import { type RestCall, RestFailure, type RestRoute } from '../rest.ts';
import { type Body, type OpenStackState, PROJECT } from './state.ts';

interface Flavor {
  readonly id: string;
  readonly name: string;
  readonly ram: number;
  readonly disk: number;
  readonly vcpus: number;
}

interface Image extends Body {
  readonly id: string;
  readonly name: string;
  readonly owner: string;
}

export const FLAVORS: readonly Flavor[] = [
  { id: '2', name: 'm1.small', ram: 2048, disk: 20, vcpus: 1 },
  { id: '3', name: 'm1.medium', ram: 4096, disk: 40, vcpus: 2 },
  { id: '4', name: 'm1.tiny', ram: 256, disk: 1, vcpus: 1 },
  { id: '5', name: 'v1.small', ram: 2048, disk: 0, vcpus: 1 },
];

const PUBLIC = { status: 'active', visibility: 'public', owner: 'cloud', min_disk: 5, min_ram: 512 };
export const IMAGES: readonly Image[] = [
  { ...PUBLIC, id: 'image-old', name: 'Debian 13', created_at: '2025-09-01T00:00:00Z' },
  { ...PUBLIC, id: 'image-new', name: 'Debian 13', created_at: '2026-09-01T00:00:00Z' },
  { ...PUBLIC, id: 'image-u', name: 'Ubuntu 24.04', created_at: '2026-01-01T00:00:00Z' },
  { ...PUBLIC, id: 'image-u2', name: 'Ubuntu 24.04', owner: 'stranger', created_at: '2026-02-01T00:00:00Z' },
];

export const ZONES: readonly string[] = ['nova', 'az-2'];

/** One page of a list, two entries long, with the link OpenStack's services give to the next one. */
export function page(key: string, all: readonly { readonly id: string }[], { query }: RestCall): Body {
  const marker = query.get('marker');
  const from = marker === null ? 0 : all.findIndex(({ id }) => id === marker) + 1;
  if (marker !== null && from === 0) throw new RestFailure(400, 'badRequest', `marker [${marker}] not found`);
  const part = all.slice(from, from + PAGE);
  const isLast = from + PAGE >= all.length;
  // Behind a proxy they may name a host nobody reaches.
  const href = `http://inside.test/somewhere?marker=${part.at(-1)?.id}`;
  return { [key]: part, ...(isLast ? {} : { [`${key}_links`]: [{ rel: 'next', href }] }) };
}

const PAGE = 2;

/** What is there before anything is made. */
export function catalogueRoutes(state: OpenStackState): readonly RestRoute[] {
  return [
    // Nova tells its versions there.
    ['GET', /\/compute\/v2\.1\//, () => ({ version: { id: 'v2.1', min_version: '2.1', version: state.microversion } })],
    ['GET', /\/compute\/v2\.1\/flavors\/detail/, (call) => page('flavors', FLAVORS, call)],
    [
      'GET',
      /\/compute\/v2\.1\/flavors\/([^/]+)/,
      ({ parts: [id] }) => {
        const flavor = FLAVORS.find((each) => each.id === id);
        if (flavor === undefined) throw new RestFailure(404, 'itemNotFound', `Flavor ${id} could not be found.`);
        return { flavor };
      },
    ],
    [
      'GET',
      /\/compute\/v2\.1\/os-availability-zone/,
      () => ({ availabilityZoneInfo: ZONES.map((zoneName) => ({ zoneName, zoneState: { available: true } })) }),
    ],
    [
      'GET',
      /\/compute\/v2\.1\/os-server-groups/,
      () => ({ server_groups: [{ id: 'server-group-1', name: 'apart', policy: 'anti-affinity' }] }),
    ],
    [
      'GET',
      /\/compute\/v2\.1\/limits/,
      () => ({
        limits: {
          rate: [],
          absolute: {
            ...{ maxTotalInstances: state.limit, totalInstancesUsed: state.servers.length },
            ...{ maxTotalCores: -1, totalCoresUsed: 4, maxTotalRAMSize: 512_000, totalRAMUsed: 4096 },
          },
        },
      }),
    ],
    ['GET', /\/image\/v2\/images/, imagePage],
    [
      'GET',
      /\/image\/v2\/images\/([^/]+)/,
      ({ parts: [id] }) => {
        const image = IMAGES.find((each) => each.id === id);
        if (image === undefined) throw new RestFailure(404, 'itemNotFound', `No image found with ID ${id}`);
        return image;
      },
    ],
    [
      'GET',
      new RegExp(`/volume/v3/${PROJECT}/types`),
      () => ({
        volume_types: [
          { id: 'type-1', name: 'classic' },
          { id: 'type-2', name: 'high-speed' },
        ],
      }),
    ],
  ];
}

/** Glance has a link of its own kind. */
function imagePage(call: RestCall): Body {
  const [name, owner] = [call.query.get('name'), call.query.get('owner')];
  const found = IMAGES.filter((each) => (name ?? each.name) === each.name && (owner ?? each.owner) === each.owner);
  const { images, images_links: links } = page('images', found, call);
  const next = (links as readonly { readonly href: string }[] | undefined)?.[0]?.href;
  return { images, ...(next === undefined ? {} : { next: `/v2/images${new URL(next).search}` }) };
}
