import { each, list, map, type Shape, struct } from '../common/go-json.ts';

/**
 * The bodies that engines read and that we read or edit first, with their members as moby writes them (`api/types`,
 * API 1.24 to 1.51). What is not here passes through as the client wrote it.
 */

const HEALTHCHECK = struct({ Test: 'whole', ...each('Interval Timeout StartPeriod StartInterval Retries', 'scalar') });

/** `container.Config`: also the body of a commit. */
const CONFIG_MEMBERS = {
  ...each('Hostname Domainname User Tty OpenStdin StdinOnce AttachStdin AttachStdout AttachStderr', 'scalar'),
  ...each('ArgsEscaped Image WorkingDir NetworkDisabled MacAddress StopSignal', 'scalar'),
  ...each('Env Cmd Entrypoint OnBuild Shell StopTimeout', 'whole'),
  ...each('ExposedPorts Volumes Labels', map('whole')),
  Healthcheck: HEALTHCHECK,
};

const MOUNT = struct({
  ...each('Type Source Target ReadOnly Consistency', 'scalar'),
  BindOptions: struct(
    each('Propagation NonRecursive CreateMountpoint ReadOnlyNonRecursive ReadOnlyForceRecursive', 'scalar'),
  ),
  VolumeOptions: struct({
    ...each('NoCopy Subpath', 'scalar'),
    Labels: map('whole'),
    DriverConfig: struct({ Name: 'scalar', Options: map('whole') }),
  }),
  ImageOptions: struct({ Subpath: 'scalar' }),
  TmpfsOptions: struct({ ...each('SizeBytes Mode', 'scalar'), Options: 'whole' }),
  ClusterOptions: 'whole',
});

const HOST_CONFIG_MEMBERS = {
  ...each('Memory MemoryReservation MemorySwap KernelMemory KernelMemoryTCP NanoCpus CpuShares CpuPeriod', 'scalar'),
  ...each('CpuQuota CpuRealtimePeriod CpuRealtimeRuntime CpusetCpus CpusetMems CpuCount CpuPercent', 'scalar'),
  ...each('CgroupParent BlkioWeight IOMaximumIOps IOMaximumBandwidth', 'scalar'),
  ...each('NetworkMode PidMode IpcMode UTSMode UsernsMode CgroupnsMode Cgroup Isolation Runtime', 'scalar'),
  ...each('AutoRemove Privileged PublishAllPorts ReadonlyRootfs ShmSize OomScoreAdj VolumeDriver', 'scalar'),
  ...each('ContainerIDFile ConsoleSize', 'scalar'),
  ...each('Binds VolumesFrom Links CapAdd CapDrop Capabilities Dns DnsOptions DnsSearch ExtraHosts GroupAdd', 'whole'),
  ...each('SecurityOpt MaskedPaths ReadonlyPaths DeviceCgroupRules Init OomKillDisable PidsLimit', 'whole'),
  ...each('MemorySwappiness BlkioWeightDevice BlkioDeviceReadBps BlkioDeviceWriteBps', 'whole'),
  ...each('BlkioDeviceReadIOps BlkioDeviceWriteIOps', 'whole'),
  ...each('StorageOpt Tmpfs Sysctls Annotations', map('whole')),
  PortBindings: map(list(struct(each('HostIp HostPort', 'scalar')))),
  Mounts: list(MOUNT),
  RestartPolicy: struct(each('Name MaximumRetryCount', 'scalar')),
  LogConfig: struct({ Type: 'scalar', Config: map('whole') }),
  Devices: list(struct(each('PathOnHost PathInContainer CgroupPermissions', 'scalar'))),
  DeviceRequests: list(
    struct({ ...each('Driver Count', 'scalar'), ...each('DeviceIDs Capabilities', 'whole'), Options: map('whole') }),
  ),
  Ulimits: list(struct(each('Name Soft Hard', 'scalar'))),
};

const ENDPOINT = struct({
  ...each('NetworkID EndpointID Gateway IPAddress IPPrefixLen IPv6Gateway GlobalIPv6Address', 'scalar'),
  ...each('GlobalIPv6PrefixLen MacAddress GwPriority', 'scalar'),
  ...each('Links Aliases DNSNames', 'whole'),
  IPAMConfig: struct({ ...each('IPv4Address IPv6Address', 'scalar'), LinkLocalIPs: 'whole' }),
  DriverOpts: map('whole'),
});

/** Members of a HostConfig, which engines 20.10 to 26.1 take from the top of a create body too, and 28.5 ignores there. */
export const HOST_CONFIG_NAMES: ReadonlySet<string> = new Set(Object.keys(HOST_CONFIG_MEMBERS));

/** `POST /containers/create` */
export const CREATE_BODY: Shape = struct({
  ...HOST_CONFIG_MEMBERS,
  ...CONFIG_MEMBERS,
  Cpuset: 'scalar',
  HostConfig: struct(HOST_CONFIG_MEMBERS),
  NetworkingConfig: struct({ EndpointsConfig: map(ENDPOINT) }),
});

/** `POST /containers/{id}/update` */
export const UPDATE_BODY: Shape = struct(HOST_CONFIG_MEMBERS);

/** `POST /commit` */
export const COMMIT_BODY: Shape = struct(CONFIG_MEMBERS);

/** `POST /networks/create` */
export const NETWORK_BODY: Shape = struct({
  ...each('Name CheckDuplicate Driver Scope Internal Attachable Ingress ConfigOnly', 'scalar'),
  ...each('EnableIPv4 EnableIPv6', 'whole'),
  ...each('Options Labels', map('whole')),
  ConfigFrom: struct({ Network: 'scalar' }),
  IPAM: struct({
    Driver: 'scalar',
    Options: map('whole'),
    Config: list(struct({ ...each('Subnet IPRange Gateway', 'scalar'), AuxiliaryAddresses: map('whole') })),
  }),
});

/** `POST /networks/{id}/connect` and `…/disconnect` */
export const CONNECT_BODY: Shape = struct({ ...each('Container Force', 'scalar'), EndpointConfig: ENDPOINT });

/** `POST /volumes/create` */
export const VOLUME_BODY: Shape = struct({
  ...each('Name Driver', 'scalar'),
  ...each('DriverOpts Labels', map('whole')),
  ClusterVolumeSpec: 'whole',
});

/** `POST /nodes/{id}/update` (`swarm.NodeSpec`) */
export const NODE_SPEC: Shape = struct({ ...each('Name Role Availability', 'scalar'), Labels: map('whole') });
