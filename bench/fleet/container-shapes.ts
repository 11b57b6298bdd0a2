import { statusText } from './age.ts';
import type { Container, PortBinding } from './container.ts';
import { compileTemplate } from './template.ts';

const GATEWAY = '172.17.0.1';
const ZERO_TIME = '0001-01-01T00:00:00Z';

const endpoint = compileTemplate<'networkId' | 'endpointId' | 'ip' | 'mac' | 'gateway'>({
  IPAMConfig: null,
  Links: null,
  Aliases: null,
  MacAddress: '{{mac}}',
  DriverOpts: null,
  GwPriority: 0,
  NetworkID: '{{networkId}}',
  EndpointID: '{{endpointId}}',
  Gateway: '{{gateway}}',
  IPAddress: '{{ip}}',
  IPPrefixLen: 16,
  IPv6Gateway: '',
  GlobalIPv6Address: '',
  GlobalIPv6PrefixLen: 0,
  DNSNames: null,
});

const listEntry = compileTemplate<
  | 'id'
  | 'name'
  | 'image'
  | 'imageId'
  | 'command'
  | 'created'
  | 'ports'
  | 'labels'
  | 'state'
  | 'status'
  | 'mode'
  | 'networks'
>({
  Id: '{{id}}',
  Names: ['/{{name}}'],
  Image: '{{image}}',
  ImageID: '{{imageId}}',
  Command: '{{raw:command}}',
  Created: '{{raw:created}}',
  Ports: '{{raw:ports}}',
  Labels: '{{raw:labels}}',
  State: '{{state}}',
  Status: '{{status}}',
  HostConfig: { NetworkMode: '{{mode}}' },
  NetworkSettings: { Networks: '{{raw:networks}}' },
  Mounts: [],
});

const inspect = compileTemplate<
  | 'id'
  | 'created'
  | 'state'
  | 'running'
  | 'paused'
  | 'exitCode'
  | 'pid'
  | 'startedAt'
  | 'finishedAt'
  | 'health'
  | 'image'
  | 'imageId'
  | 'name'
  | 'hostConfig'
  | 'config'
  | 'ports'
  | 'networks'
  | 'ip'
  | 'mac'
>({
  Id: '{{id}}',
  Created: '{{created}}',
  Path: 'docker-entrypoint.sh',
  Args: ['redis-server', '--save', ''],
  State: {
    Status: '{{state}}',
    Running: '{{raw:running}}',
    Paused: '{{raw:paused}}',
    Restarting: false,
    OOMKilled: false,
    Dead: false,
    Pid: '{{raw:pid}}',
    ExitCode: '{{raw:exitCode}}',
    Error: '',
    StartedAt: '{{startedAt}}',
    FinishedAt: '{{finishedAt}}',
    Health: '{{raw:health}}',
  },
  Image: '{{imageId}}',
  ResolvConfPath: '/var/lib/docker/containers/{{id}}/resolv.conf',
  HostnamePath: '/var/lib/docker/containers/{{id}}/hostname',
  HostsPath: '/var/lib/docker/containers/{{id}}/hosts',
  LogPath: '/var/lib/docker/containers/{{id}}/{{id}}-json.log',
  Name: '/{{name}}',
  RestartCount: 0,
  Driver: 'overlay2',
  Platform: 'linux',
  MountLabel: '',
  ProcessLabel: '',
  AppArmorProfile: 'docker-default',
  ExecIDs: null,
  HostConfig: '{{raw:hostConfig}}',
  GraphDriver: {
    Data: {
      ID: '{{id}}',
      LowerDir: '/var/lib/docker/overlay2/{{id}}-init/diff:/var/lib/docker/overlay2/base/diff',
      MergedDir: '/var/lib/docker/overlay2/{{id}}/merged',
      UpperDir: '/var/lib/docker/overlay2/{{id}}/diff',
      WorkDir: '/var/lib/docker/overlay2/{{id}}/work',
    },
    Name: 'overlay2',
  },
  Mounts: [],
  Config: '{{raw:config}}',
  NetworkSettings: {
    Bridge: '',
    SandboxID: '{{id}}',
    SandboxKey: '/var/run/docker/netns/sandbox',
    Ports: '{{raw:ports}}',
    HairpinMode: false,
    LinkLocalIPv6Address: '',
    LinkLocalIPv6PrefixLen: 0,
    SecondaryIPAddresses: null,
    SecondaryIPv6Addresses: null,
    EndpointID: '{{id}}',
    Gateway: GATEWAY,
    GlobalIPv6Address: '',
    GlobalIPv6PrefixLen: 0,
    IPAddress: '{{ip}}',
    IPPrefixLen: 16,
    IPv6Gateway: '',
    MacAddress: '{{mac}}',
    Networks: '{{raw:networks}}',
  },
});

const defaultConfig = compileTemplate<'shortId' | 'image' | 'labels'>({
  Hostname: '{{shortId}}',
  Domainname: '',
  User: '',
  AttachStdin: false,
  AttachStdout: true,
  AttachStderr: true,
  ExposedPorts: { '6379/tcp': {} },
  Tty: false,
  OpenStdin: false,
  StdinOnce: false,
  Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'REDIS_VERSION=7.0.15'],
  Cmd: ['redis-server', '--save', ''],
  Image: '{{image}}',
  Volumes: { '/data': {} },
  WorkingDir: '/data',
  Entrypoint: ['docker-entrypoint.sh'],
  OnBuild: null,
  Labels: '{{raw:labels}}',
});

const defaultHostConfig = compileTemplate<'portBindings' | 'mode'>({
  Binds: null,
  ContainerIDFile: '',
  LogConfig: { Type: 'json-file', Config: {} },
  NetworkMode: '{{mode}}',
  PortBindings: '{{raw:portBindings}}',
  RestartPolicy: { Name: 'unless-stopped', MaximumRetryCount: 0 },
  AutoRemove: false,
  VolumeDriver: '',
  VolumesFrom: null,
  ConsoleSize: [0, 0],
  CapAdd: null,
  CapDrop: null,
  CgroupnsMode: 'private',
  Dns: [],
  DnsOptions: [],
  DnsSearch: [],
  ExtraHosts: null,
  GroupAdd: null,
  IpcMode: 'private',
  Cgroup: '',
  Links: null,
  OomScoreAdj: 0,
  PidMode: '',
  Privileged: false,
  PublishAllPorts: false,
  ReadonlyRootfs: false,
  SecurityOpt: null,
  UTSMode: '',
  UsernsMode: '',
  ShmSize: 67_108_864,
  Runtime: 'runc',
  Isolation: '',
  CpuShares: 0,
  Memory: 134_217_728,
  NanoCpus: 0,
  CgroupParent: '',
  BlkioWeight: 0,
  BlkioWeightDevice: [],
  BlkioDeviceReadBps: [],
  BlkioDeviceWriteBps: [],
  BlkioDeviceReadIOps: [],
  BlkioDeviceWriteIOps: [],
  CpuPeriod: 0,
  CpuQuota: 0,
  CpuRealtimePeriod: 0,
  CpuRealtimeRuntime: 0,
  CpusetCpus: '',
  CpusetMems: '',
  Devices: [],
  DeviceCgroupRules: null,
  DeviceRequests: null,
  MemoryReservation: 0,
  MemorySwap: 268_435_456,
  MemorySwappiness: null,
  OomKillDisable: null,
  PidsLimit: null,
  Ulimits: [],
  CpuCount: 0,
  CpuPercent: 0,
  IOMaximumIOps: 0,
  IOMaximumBandwidth: 0,
  MaskedPaths: ['/proc/acpi', '/proc/kcore', '/proc/keys', '/proc/latency_stats', '/proc/timer_list', '/sys/firmware'],
  ReadonlyPaths: ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'],
});

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
