import type { Services } from '../api/call.ts';
import type { Node } from '../cluster/node.ts';
import type { Clock } from '../common/clock.ts';
import { PROJECT_LABEL } from '../common/compose-labels.ts';
import { BadRequestError, NotFoundError } from '../common/errors.ts';
import { onEach } from '../common/every-node.ts';
import { ANSWERS, askEngine } from '../engine/answers.ts';
import type { DiskUsage, VolumeSummary } from '../engine/types.ts';
import type { KnownNetwork } from '../networks/known-network.ts';
import { type PageRoutes, sendValue } from './calls.ts';
import type { NodeNumbers } from './node-numbers.ts';
import { pathParam } from './params.ts';
import type { ImageRow, NetworkDetail, NetworkRow, VolumeRow } from './protocol.ts';
import { shownLabels } from './secrets.ts';

/** Engines measure volumes file by file; one that needs longer tells no sizes. */
const SIZES_MS = 30_000;

/** Images, networks and volumes: which node holds what. */
export function holdingsCalls(services: Services, numbers: NodeNumbers): PageRoutes {
  const { cluster, imageList, networks, volumes, clock } = services;
  const usedBy = kept(clock, () => usesOf(cluster.nodes));
  const numbersOf = (nodes: Iterable<Node>): readonly number[] => [...nodes].map((node) => numbers.of(node));
  const networkRow = ({ id, name, kind, summary, holders }: KnownNetwork<Node>): NetworkRow => {
    const project = summary.Labels?.[PROJECT_LABEL];
    return {
      id,
      name,
      kind,
      driver: summary.Driver,
      subnets: (summary.IPAM?.Config ?? []).flatMap(({ Subnet }) => Subnet ?? []),
      internal: summary.Internal === true,
      nodes: numbersOf(holders),
      ...(project && { project }),
    };
  };
  return {
    'GET images': async ({ res }) => {
      const { images } = usedBy();
      const rows = imageList.entries().map((entry): ImageRow => {
        const record = cluster.images.get(entry.Id);
        return {
          id: entry.Id,
          names: [...entry.RepoTags, ...entry.RepoDigests].filter((name) => !name.startsWith('<none>')),
          size: entry.Size ?? 0,
          createdSeconds: entry.Created ?? 0,
          nodes: numbersOf(record?.holders.keys() ?? []),
          containers: images.get(entry.Id) ?? 0,
        };
      });
      sendValue(res, rows);
    },
    'GET networks': async ({ res, signal }) => {
      const listed = await networks.list({ matches: () => true, isDangling: undefined }, signal);
      sendValue(res, listed.flatMap(({ Id }) => networks.find(Id) ?? []).map(networkRow));
    },
    'GET networks/:id': async (call) => {
      const reference = pathParam(call, 'id');
      const network = networks.find(reference);
      if (!network) throw new NotFoundError(`network ${reference} not found`, 'NO_SUCH_NETWORK');
      const inspected = (await networks.inspect(network.id, { search: '' }, call.signal)) as {
        readonly Containers?: Readonly<
          Record<string, { readonly Name?: string; readonly IPv4Address?: string; readonly IPv6Address?: string }>
        >;
      };
      const detail: NetworkDetail = {
        ...networkRow(network),
        labels: shownLabels(network.summary.Labels ?? {}),
        options: shownLabels(network.summary.Options ?? {}),
        endpoints: Object.entries(inspected.Containers ?? {}).map(([id, endpoint]) => {
          const container = cluster.findContainer(id);
          return {
            id,
            name: container?.name ?? endpoint.Name ?? id.slice(0, 12),
            n: container ? numbers.of(container.node) : null,
            address: endpoint.IPv4Address || endpoint.IPv6Address || '',
          };
        }),
      };
      sendValue(call.res, detail);
    },
    'GET volumes': async ({ res, query, signal }) => {
      if (query.has('size') && query.get('size') !== '1') throw new BadRequestError('size should be 1, or left out');
      const { volumes: listed } = await volumes.list({ matches: () => true, isDangling: undefined }, signal);
      const sizes = query.has('size') ? await volumeSizes(cluster.healthyNodes(), signal) : NO_SIZES;
      sendValue(
        res,
        listed.map((volume) => volumeRow(volume, sizes)),
      );
    },
  };

  function volumeRow(
    { Name, Driver, CreatedAt, Labels }: VolumeSummary,
    sizes: ReadonlyMap<Node, ReadonlyMap<string, number>>,
  ): VolumeRow {
    const home = volumes.homes.homeOf(Name);
    const lost = volumes.homes.lostHome(Name);
    const project = Labels?.[PROJECT_LABEL];
    return {
      name: Name,
      driver: Driver,
      home: home ? { id: home.id, name: home.name } : null,
      ...(lost && { lost: `${lost.nodeName} ${lost.why}` }),
      nodes: numbersOf(cluster.volumes.get(Name)?.holders.keys() ?? []),
      users: usedBy().volumes.get(Name) ?? [],
      ...(CreatedAt && { createdAt: CreatedAt }),
      size: (home && sizes.get(home)?.get(Name)) ?? null,
      ...(project && { project }),
    };
  }
}

const NO_SIZES: ReadonlyMap<Node, ReadonlyMap<string, number>> = new Map();

/** What containers use. */
interface Uses {
  /** How many containers are made of each image, by its ID. */
  readonly images: ReadonlyMap<string, number>;
  /** IDs of containers by the named volumes that they mount. */
  readonly volumes: ReadonlyMap<string, readonly string[]>;
}

/** One look at all containers: no index has this, and nobody but pages asks for it. */
function usesOf(nodes: readonly Node[]): Uses {
  const images = new Map<string, number>();
  const volumes = new Map<string, string[]>();
  for (const { containers } of nodes)
    for (const container of containers.values()) {
      images.set(container.imageId, (images.get(container.imageId) ?? 0) + 1);
      if (!container.mentions('"Type":"volume"')) continue;
      const { Mounts } = container.entry() as { readonly Mounts?: readonly { readonly Name?: string }[] };
      for (const { Name } of Mounts ?? []) {
        const users = Name && volumes.get(Name);
        if (users) users.push(container.id);
        else if (Name) volumes.set(Name, [container.id]);
      }
    }
  return { images, volumes };
}

/** Pages that ask at the same time share one look. */
const KEPT_MS = 2_000;

function kept<T>(clock: Clock, look: () => T): () => T {
  let seen: { readonly value: T; readonly untilMs: number } | undefined;
  return () => {
    const now = clock.now();
    if (!seen || seen.untilMs <= now) seen = { value: look(), untilMs: now + KEPT_MS };
    return seen.value;
  };
}

async function volumeSizes(
  nodes: readonly Node[],
  signal: AbortSignal,
): Promise<ReadonlyMap<Node, ReadonlyMap<string, number>>> {
  const request = { method: 'GET', path: '/system/df?type=volume', signal, timeoutMs: SIZES_MS };
  const { done } = await onEach(nodes, (node) => askEngine(node.client, request, ANSWERS.usage));
  signal.throwIfAborted();
  const sizes = new Map<Node, ReadonlyMap<string, number>>();
  for (const [node, usage] of done) {
    const own = ((usage as DiskUsage).Volumes ?? []).flatMap(({ Name, UsageData }): [string, number][] => {
      const size = UsageData?.Size ?? -1;
      return size >= 0 ? [[Name, size]] : [];
    });
    sizes.set(node, new Map(own));
  }
  return sizes;
}
