import { statusText } from './age.ts';
import type { Container, PortBinding } from './container.ts';
import { defaultConfig, defaultHostConfig, endpoint, GATEWAY, inspect, listEntry } from './container-templates.ts';

const ZERO_TIME = '0001-01-01T00:00:00Z';

/** Names a network's ID, for the endpoints a container shows. */
export type NetworkIds = (name: string) => string;

/** One entry of `GET /containers/json`. */
export function toListEntry(container: Container, networkIds: NetworkIds, now: number): string {
  return listEntry({
    id: container.id,
    name: container.name,
    image: container.image,
    imageId: container.imageId,
    command: JSON.stringify(container.command),
    created: Math.floor(container.createdAt / 1000),
    ports: isUp(container) ? listPorts(container.ports) : '[]',
    labels: JSON.stringify(container.labels),
    state: container.state,
    status: statusText(container, now),
    mode: container.networks[0] ?? 'bridge',
    networks: networksJson(container, networkIds),
  });
}

/** The answer of `GET /containers/{id}/json`. */
export function toInspect(container: Container, networkIds: NetworkIds): string {
  return inspect({
    id: container.id,
    created: new Date(container.createdAt).toISOString(),
    state: container.state,
    running: String(isUp(container)),
    paused: String(container.state === 'paused'),
    exitCode: container.exitCode,
    pid: isUp(container) ? 1000 + container.host : 0,
    startedAt: timeText(container.startedAt),
    finishedAt: timeText(container.finishedAt),
    health: container.health === 'none' ? 'null' : `{"Status":"${container.health}","FailingStreak":0,"Log":[]}`,
    image: container.image,
    imageId: container.imageId,
    name: container.name,
    hostConfig: container.hostConfigJson ?? hostConfigOf(container),
    config: container.configJson ?? configOf(container),
    ports: isUp(container) ? portMap(container.ports) : '{}',
    networks: networksJson(container, networkIds),
    ip: ipOf(container),
    mac: macOf(container),
  });
}

/** `Config` as a made-up container has it. */
export function configOf(container: Container): string {
  const labels = JSON.stringify(container.labels);
  return defaultConfig({ shortId: container.id.slice(0, 12), image: container.image, labels });
}

function hostConfigOf(container: Container): string {
  return defaultHostConfig({ portBindings: portMap(container.ports), mode: container.networks[0] ?? 'bridge' });
}

function networksJson(container: Container, networkIds: NetworkIds): string {
  const names = container.networks.length === 0 ? ['bridge'] : container.networks;
  const endpoints = names.map((name) => `${JSON.stringify(name)}:${endpointOf(container, networkIds(name))}`);
  return `{${endpoints.join(',')}}`;
}

function endpointOf(container: Container, networkId: string): string {
  const up = isUp(container);
  return endpoint({
    networkId,
    endpointId: up ? container.id : '',
    ip: up ? ipOf(container) : '',
    mac: up ? macOf(container) : '',
    gateway: up ? GATEWAY : '',
  });
}

function listPorts(ports: readonly PortBinding[]): string {
  const entries = ports.map(
    (port) =>
      `{"IP":"${port.ip}","PrivatePort":${port.privatePort},"PublicPort":${port.publicPort},"Type":"${port.protocol}"}`,
  );
  return `[${entries.join(',')}]`;
}

function portMap(ports: readonly PortBinding[]): string {
  const entries = ports.map(
    (port) => `"${port.privatePort}/${port.protocol}":[{"HostIp":"${port.ip}","HostPort":"${port.publicPort}"}]`,
  );
  return `{${entries.join(',')}}`;
}

function isUp(container: Container): boolean {
  return container.state === 'running' || container.state === 'paused';
}

function ipOf(container: Container): string {
  return isUp(container) ? `172.17.0.${container.host}` : '';
}

function macOf(container: Container): string {
  return isUp(container) ? `02:42:ac:11:00:${container.host.toString(16).padStart(2, '0')}` : '';
}

function timeText(ms: number): string {
  return ms === 0 ? ZERO_TIME : new Date(ms).toISOString();
}
