import { compileTemplate, type Template } from './template.ts';

/** Address of the bridge that containers are on. */
export const GATEWAY = '172.17.0.1';

/** An endpoint of a container in a network. */
export const endpoint: Template<'networkId' | 'endpointId' | 'ip' | 'mac' | 'gateway'> = compileTemplate({
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

/** An entry of `GET /containers/json`. */
export const listEntry: Template<
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
> = compileTemplate({
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

/** The answer of `GET /containers/{id}/json`. */
export const inspect: Template<
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
> = compileTemplate({
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

/** `Config` of a container nobody created. */
export const defaultConfig: Template<'shortId' | 'image' | 'labels'> = compileTemplate({
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

/** `HostConfig` of a container nobody created. */
export const defaultHostConfig: Template<'portBindings' | 'mode'> = compileTemplate({
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
