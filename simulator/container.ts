import { createHash } from 'node:crypto';

export type ContainerState = 'created' | 'running' | 'paused' | 'exited';

/** A published port of a simulated container. */
export interface PortBinding {
  readonly ip: string;
  readonly privatePort: number;
  readonly publicPort: number;
  readonly protocol: 'tcp' | 'udp';
}

/** One simulated container. Preloaded ones share everything that need not differ; created ones keep what the client sent. */
export interface Container {
  readonly id: string;
  name: string;
  readonly image: string;
  readonly imageId: string;
  readonly command: string;
  labels: Readonly<Record<string, string>>;
  readonly ports: readonly PortBinding[];
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  startedAt: number;
  finishedAt: number;
  state: ContainerState;
  exitCode: number;
  readonly health: 'none' | 'healthy' | 'unhealthy';
  /** Last byte of its address on the bridge. */
  readonly host: number;
  /** `Config` and `HostConfig` of inspect as JSON, for containers that a client created. */
  readonly configJson?: string;
  hostConfigJson?: string;
  /** Networks by name, beyond what the network mode says. */
  readonly networks: readonly string[];
  /** Bytes that `logs`, `attach` and `archive` deliver. */
  readonly streamBytes: number;
}

/** What a test or the fleet says about a container; the rest is made up. */
export interface ContainerSeed {
  readonly id?: string;
  readonly name?: string;
  readonly image?: string;
  readonly command?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly ports?: readonly Partial<PortBinding>[];
  readonly createdAt?: number;
  readonly startedAt?: number;
  readonly state?: ContainerState;
  readonly exitCode?: number;
  readonly health?: 'none' | 'healthy' | 'unhealthy';
  readonly configJson?: string;
  readonly hostConfigJson?: string;
  readonly networks?: readonly string[];
  readonly streamBytes?: number;
}

/** Label that sets how many bytes a container's logs, attach and archive deliver. */
export const STREAM_BYTES_LABEL = 'bench.stream.bytes';
export const DEFAULT_IMAGE = 'redis:latest';

/** 64 hexadecimal digits that depend on `seed` alone. */
export function hexId(seed: string): string {
  return createHash('sha256').update(seed).digest('hex');
}

/** A container from a seed. @param serial distinguishes containers of one engine; @param salt the engines */
export function toContainer(seed: ContainerSeed, serial: number, salt: string, now: number): Container {
  const image = seed.image ?? DEFAULT_IMAGE;
  const state = seed.state ?? 'running';
  const createdAt = seed.createdAt ?? now;
  const container: Container = {
    id: seed.id ?? hexId(`${salt}/container/${serial}`),
    name: seed.name ?? `container-${serial}`,
    image,
    imageId: `sha256:${hexId(`image/${image}`)}`,
    command: seed.command ?? 'redis-server --save ""',
    labels: seed.labels ?? {},
    ports: (seed.ports ?? []).map(toPort),
    createdAt,
    startedAt: seed.startedAt ?? (state === 'created' ? 0 : createdAt + 350),
    finishedAt: state === 'exited' ? createdAt + 5000 : 0,
    state,
    exitCode: seed.exitCode ?? 0,
    health: seed.health ?? 'none',
    host: (serial % 250) + 2,
    networks: seed.networks ?? [],
    streamBytes: seed.streamBytes ?? Number(seed.labels?.[STREAM_BYTES_LABEL] ?? 0),
    ...(seed.configJson === undefined ? {} : { configJson: seed.configJson }),
    ...(seed.hostConfigJson === undefined ? {} : { hostConfigJson: seed.hostConfigJson }),
  };
  return container;
}

function toPort(port: Partial<PortBinding>): PortBinding {
  const privatePort = port.privatePort ?? 6379;
  return {
    ip: port.ip ?? '0.0.0.0',
    privatePort,
    publicPort: port.publicPort ?? 0,
    protocol: port.protocol ?? 'tcp',
  };
}
