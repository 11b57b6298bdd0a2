import type { Volume } from '../engine-state.ts';
import type { RouteContext, RouteTable } from './route.ts';

/** Local volumes. */
export const volumeRoutes: RouteTable = {
  'GET volumes': ({ state, exchange }) => {
    exchange.json(200, `{"Volumes":[${[...state.volumes.values()].map(toJson).join(',')}],"Warnings":null}\n`);
  },
  'GET volumes/{}': withVolume(({ exchange }, volume) => exchange.json(200, toJson(volume))),
  'POST volumes/create': ({ state, exchange }) => {
    exchange.readJson((body) => {
      const name = String(body.Name || `volume-${state.volumes.size}`);
      exchange.json(201, toJson(state.needVolume(name, (body.Labels ?? {}) as Record<string, string>)));
    });
  },
  'DELETE volumes/{}': withVolume(({ state, exchange }, volume) => {
    if (state.isVolumeUsed(volume.name)) return exchange.error(409, `remove ${volume.name}: volume is in use`);
    state.volumes.delete(volume.name);
    state.events.emit('volume', 'destroy', volume.name, { driver: volume.driver });
    exchange.empty(204);
  }),
};

function withVolume(handler: (context: RouteContext, volume: Volume) => void): (context: RouteContext) => void {
  return (context) => {
    const volume = context.state.volumes.get(context.name);
    if (volume === undefined) context.exchange.error(404, `get ${context.name}: no such volume`);
    else handler(context, volume);
  };
}

function toJson(volume: Volume): string {
  return JSON.stringify({
    CreatedAt: new Date(volume.createdAt).toISOString(),
    Driver: volume.driver,
    Labels: volume.labels,
    Mountpoint: `/var/lib/docker/volumes/${volume.name}/_data`,
    Name: volume.name,
    Options: null,
    Scope: 'local',
  });
}
