import { BadRequestError, ClusterError } from '../../common/errors.ts';
import { ANSWERS, askEngine } from '../../engine/answers.ts';
import { compareApi } from '../../engine/api-version.ts';
import type { VolumeSummary } from '../../engine/types.ts';
import type { VolumeBody } from '../../volumes/create-body.ts';
import { ANONYMOUS_LABEL } from '../../volumes/names.ts';
import { pruneVolumesOnEach, SPARES_NAMED_API } from '../../volumes/prune.ts';
import { sendJson, sendStatus } from '../answer.ts';
import { VOLUME_BODY } from '../body-shapes.ts';
import { type Call, param, type RouteHandlers } from '../call.ts';
import { readCanonical } from '../canonical-body.ts';
import { type Filters, matchesLabels, parseFilters } from '../filters/query.ts';
import { filterVolumes, VOLUME_FILTERS } from '../filters/volumes.ts';
import { flag } from '../query-flag.ts';

/** Volumes: a local one has one home, where its first user was placed. */
export const volumeRoutes: RouteHandlers = {
  'GET /volumes': listVolumes,
  'POST /volumes/create': createVolume,
  'GET /volumes/{id}': inspectVolume,
  'DELETE /volumes/{id}': removeVolume,
  'POST /volumes/prune': pruneVolumes,
};

/** Engines that need longer are left out of a listing by use. */
const DANGLING_MS = 10_000;

async function listVolumes(call: Call): Promise<void> {
  const { cluster, volumes } = call.services;
  const filters = parseFilters(call.query.get('filters'), VOLUME_FILTERS);
  const listed = filterVolumes(cluster, volumes.list(), filters);
  const dangling = filters.get('dangling')?.[0];
  const shown = dangling === undefined ? listed : await byUse(call, listed, isTrue(dangling));
  const warnings = volumes.warnings();
  sendJson(call.res, 200, JSON.stringify({ Volumes: shown, Warnings: warnings.length > 0 ? warnings : null }));
}

async function createVolume(call: Call): Promise<void> {
  const { value } = await readCanonical(call, VOLUME_BODY);
  if (typeof (value ?? {}) !== 'object' || Array.isArray(value))
    throw new BadRequestError('create a volume: the body must be a JSON object', 'BAD_BODY');
  const body = (value ?? {}) as VolumeBody & { readonly ClusterVolumeSpec?: unknown };
  if (body.ClusterVolumeSpec)
    throw new ClusterError('cluster volumes (CSI) need swarm services, which this endpoint does not have', {
      code: 'CLUSTER_VOLUME',
      status: 501,
    });
  sendJson(call.res, 201, JSON.stringify(await call.services.volumes.create(body, call.signal)));
}

async function inspectVolume(call: Call): Promise<void> {
  sendJson(call.res, 200, JSON.stringify(await call.services.volumes.inspect(param(call, 'id'), call.signal)));
}

async function removeVolume(call: Call): Promise<void> {
  await call.services.volumes.remove(param(call, 'id'), flag(call.query, 'force'), call.signal);
  sendStatus(call.res, 204);
}

async function pruneVolumes(call: Call): Promise<void> {
  const { cluster, volumes } = call.services;
  const { api, signal } = call;
  const filters = parseFilters(call.query.get('filters'));
  const all = filters.get('all')?.[0];
  const isAll = all === undefined ? compareApi(api, SPARES_NAMED_API) < 0 : isTrue(all);
  const pruned = await pruneVolumesOnEach(cluster.healthyNodes(), { filters, isAll, api, signal });
  const forgotten = await volumes.forgetPending(prunablePending(call, filters, isAll));
  if (pruned.failure) throw pruned.failure;
  const names = new Set([...pruned.names, ...forgotten]);
  sendJson(call.res, 200, JSON.stringify({ VolumesDeleted: [...names].sort(), SpaceReclaimed: pruned.spaceBytes }));
}

/** Volumes without node, which nobody uses: those that nobody named, or all. */
function prunablePending(call: Call, filters: Filters, isAll: boolean): readonly string[] {
  return call.services.volumes
    .pending()
    .filter(({ Labels }) => isAll || matchesLabels(Labels, [ANONYMOUS_LABEL]))
    .filter(({ Labels }) => matchesLabels(Labels, filters.get('label') ?? []))
    .filter(({ Labels }) => (filters.get('label!') ?? []).every((wish) => !matchesLabels(Labels, [wish])))
    .map(({ Name }) => Name);
}

/** Volumes that no container uses, or the others: only the engines count users. */
async function byUse(
  call: Call,
  volumes: readonly VolumeSummary[],
  isDangling: boolean,
): Promise<readonly VolumeSummary[]> {
  const path = `/volumes?filters=${encodeURIComponent(JSON.stringify({ dangling: ['true'] }))}`;
  const { signal } = call;
  const unused = new Set(call.services.volumes.pending().map(({ Name }) => Name));
  await Promise.all(
    call.services.cluster.healthyNodes().map(async ({ client }) => {
      const request = { method: 'GET', path, signal, timeoutMs: DANGLING_MS };
      // The volumes of an engine that does not answer count as used.
      const answer = await askEngine(client, request, ANSWERS.volumes).catch(() => undefined);
      for (const { Name } of answer?.Volumes ?? []) unused.add(Name);
    }),
  );
  return volumes.filter(({ Name }) => unused.has(Name) === isDangling);
}

function isTrue(value: string): boolean {
  return ['1', 'true', 't'].includes(value.toLowerCase());
}
