import { BadRequestError, ClusterError } from '../../common/errors.ts';
import type { VolumeBody } from '../../volumes/create-body.ts';
import { sendJson, sendStatus } from '../answer.ts';
import { VOLUME_BODY } from '../body-shapes.ts';
import { requireTypes, VOLUME_TYPES } from '../body-types.ts';
import { type Call, param, type RouteHandlers } from '../call.ts';
import { readCanonical } from '../canonical-body.ts';
import { parseFilters } from '../filters/query.ts';
import { VOLUME_FILTERS, volumePrune, volumeQuery } from '../filters/volumes.ts';
import { flag } from '../query-flag.ts';

/** Volumes: a local one has one home, where its first user was placed. */
export const volumeRoutes: RouteHandlers = {
  'GET /volumes': listVolumes,
  'POST /volumes/create': createVolume,
  'GET /volumes/{id}': inspectVolume,
  'DELETE /volumes/{id}': removeVolume,
  'POST /volumes/prune': pruneVolumes,
};

async function listVolumes(call: Call): Promise<void> {
  const { cluster, volumes } = call.services;
  const filters = parseFilters(call.query.get('filters'), VOLUME_FILTERS);
  const { volumes: listed, warnings } = await volumes.list(volumeQuery(filters, cluster), call.signal);
  sendJson(call.res, 200, JSON.stringify({ Volumes: listed, Warnings: warnings.length > 0 ? warnings : null }));
}

async function createVolume(call: Call): Promise<void> {
  const { value } = await readCanonical(call, VOLUME_BODY);
  if (typeof (value ?? {}) !== 'object' || Array.isArray(value))
    throw new BadRequestError('create a volume: the body must be a JSON object', 'BAD_BODY');
  requireTypes(value ?? {}, VOLUME_TYPES, 'create a volume');
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
  const prune = volumePrune(parseFilters(call.query.get('filters')), call.api);
  const { names, spaceBytes } = await call.services.volumes.prune(prune, call.signal);
  sendJson(call.res, 200, JSON.stringify({ VolumesDeleted: names, SpaceReclaimed: spaceBytes }));
}
