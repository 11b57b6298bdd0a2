import os from 'node:os';
import type { Node } from '../../cluster/node.ts';
import { VERSION } from '../../common/version.ts';
import { type ApiVersion, LEAST_ADVERTISED_API, OLDEST_API, olderApi } from '../../engine/api-version.ts';
import { sendJson, sendJsonBuffers } from '../answer.ts';
import type { Call, RouteHandlers } from '../call.ts';

/** Who we are and how the cluster is. */
export const systemRoutes: RouteHandlers = {
  'GET /_ping': ping,
  'HEAD /_ping': ping,
  'GET /version': version,
  'GET /info': info,
};

/**
 * Every CLI call starts with it. `Builder-Version: 1` says that builds go to the classic endpoint, `Swarm: inactive`
 * that swarm-mode commands are not offered (moby client/ping.go reads both).
 */
async function ping({ req, res }: Call): Promise<void> {
  res.writeHead(200, {
    'Content-Type': 'text/plain; charset=utf-8',
    'Cache-Control': 'no-cache, no-store, must-revalidate',
    Pragma: 'no-cache',
    'Builder-Version': '1',
    Swarm: 'inactive',
    'Content-Length': 2,
  });
  res.end(req.method === 'HEAD' ? undefined : 'OK');
}

async function info(call: Call): Promise<void> {
  sendJsonBuffers(call.res, 200, call.services.info.render(call.services.clock.now()));
}

/**
 * Compose 1 speaks the version it reads here, and cannot recreate a container from API 1.45 on: it looks for
 * `ContainerConfig` in the image, which is gone there. It is offered one version less.
 */
function suitableApi(advertised: ApiVersion, userAgent: string | undefined): ApiVersion {
  return userAgent?.startsWith('docker-compose/1.') ? olderApi(advertised, LEAST_ADVERTISED_API) : advertised;
}

async function version(call: Call): Promise<void> {
  const { cluster, advertisedApi } = call.services;
  const api = suitableApi(advertisedApi(), call.req.headers['user-agent']);
  const base = { ApiVersion: api, MinAPIVersion: OLDEST_API, Os: 'linux', Arch: goArch(), KernelVersion: os.release() };
  const components = [{ Name: 'Enxame', Version: VERSION, Details: base }, ...engineComponents(cluster.healthyNodes())];
  const answer = {
    Platform: { Name: 'Enxame' },
    Components: components,
    Version: `enxame/${VERSION}`,
    ...base,
    GitCommit: '',
    GoVersion: '',
    BuildTime: '',
  };
  sendJson(call.res, 200, `${JSON.stringify(answer)}\n`);
}

/** One component for each engine version in use, with the number of nodes that have it. */
function engineComponents(nodes: readonly Node[]): unknown[] {
  const perVersion = new Map<string, Node[]>();
  for (const node of nodes) {
    const engineVersion = node.info?.ServerVersion ?? 'unknown';
    perVersion.set(engineVersion, [...(perVersion.get(engineVersion) ?? []), node]);
  }
  return [...perVersion].map(([engineVersion, holders]) => ({
    // Not `Engine`: for that name the docker CLI prints a form of its own, with lines only a single engine can fill.
    Name: 'Docker Engine',
    Version: engineVersion,
    Details: { Nodes: String(holders.length), ApiVersion: holders[0]?.client.api.max ?? '' },
  }));
}

function goArch(): string {
  return { x64: 'amd64', ia32: '386' }[os.arch() as string] ?? os.arch();
}
