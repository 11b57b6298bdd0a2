import type { EngineState } from '../engine-state.ts';
import type { RouteContext, RouteTable } from './route.ts';

const PING_FIELDS =
  'Builder-Version: 2\r\nCache-Control: no-cache, no-store, must-revalidate\r\nDocker-Experimental: false\r\nOstype: linux\r\nSwarm: inactive\r\n';

/** `_ping`, `version`, `info` and what an engine outside a swarm says about swarms. */
export const systemRoutes: RouteTable = {
  'GET _ping': ping,
  'HEAD _ping': ping,
  'GET version': ({ state, exchange }) => exchange.json(200, versionJson(state)),
  'GET info': ({ state, exchange }) => exchange.json(200, infoJson(state)),
  'GET system/df': ({ exchange }) =>
    exchange.json(200, '{"LayersSize":0,"Images":[],"Containers":[],"Volumes":[],"BuildCache":[]}'),
  'POST auth': ({ exchange }) => exchange.json(200, '{"Status":"Login Succeeded","IdentityToken":""}'),
  'GET swarm': ({ exchange }) =>
    exchange.error(
      503,
      'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.',
    ),
};

function ping({ exchange }: RouteContext): void {
  exchange.send(200, 'OK', 'text/plain; charset=utf-8', PING_FIELDS);
}

function versionJson(state: EngineState): string {
  const { serverVersion, apiVersion, minApiVersion, kernelVersion, osType } = state.profile;
  const details = {
    ApiVersion: apiVersion,
    Arch: 'amd64',
    KernelVersion: kernelVersion,
    MinAPIVersion: minApiVersion,
    Os: osType,
  };
  return JSON.stringify({
    Platform: { Name: '' },
    Components: [{ Name: 'Engine', Version: serverVersion, Details: details }],
    Version: serverVersion,
    ApiVersion: apiVersion,
    MinAPIVersion: minApiVersion,
    GitCommit: '0000000',
    GoVersion: 'go1.24',
    Os: osType,
    Arch: 'amd64',
    KernelVersion: kernelVersion,
    BuildTime: '2026-01-01T00:00:00.000000000+00:00',
  });
}

function infoJson(state: EngineState): string {
  const { profile } = state;
  const counts = countStates(state);
  return JSON.stringify({
    ID: profile.id,
    ...counts,
    Images: state.images.size,
    Driver: profile.storageDriver,
    DriverStatus: [
      ['Backing Filesystem', 'extfs'],
      ['Supports d_type', 'true'],
    ],
    Plugins: {
      Volume: ['local'],
      Network: ['bridge', 'host', 'ipvlan', 'macvlan', 'null', 'overlay'],
      Authorization: null,
      Log: ['json-file', 'local'],
    },
    MemoryLimit: true,
    SwapLimit: true,
    CpuCfsPeriod: true,
    CpuCfsQuota: true,
    CPUShares: true,
    CPUSet: true,
    PidsLimit: true,
    IPv4Forwarding: true,
    Debug: false,
    NFd: 30,
    OomKillDisable: false,
    NGoroutines: 60,
    SystemTime: new Date(state.now()).toISOString(),
    LoggingDriver: 'json-file',
    CgroupDriver: 'systemd',
    CgroupVersion: '2',
    NEventsListener: state.events.subscribers,
    KernelVersion: profile.kernelVersion,
    OperatingSystem: profile.operatingSystem,
    OSVersion: '12',
    OSType: profile.osType,
    Architecture: 'x86_64',
    IndexServerAddress: 'https://index.docker.io/v1/',
    RegistryConfig: { InsecureRegistryCIDRs: ['127.0.0.0/8'], IndexConfigs: {}, Mirrors: null },
    NCPU: profile.cpus,
    MemTotal: profile.memoryBytes,
    GenericResources: null,
    DockerRootDir: '/var/lib/docker',
    HttpProxy: '',
    HttpsProxy: '',
    NoProxy: '',
    Name: profile.name,
    Labels: profile.labels,
    ExperimentalBuild: false,
    ServerVersion: profile.serverVersion,
    Runtimes: { runc: { path: 'runc' } },
    DefaultRuntime: 'runc',
    Swarm: {
      NodeID: '',
      NodeAddr: '',
      LocalNodeState: 'inactive',
      ControlAvailable: false,
      Error: '',
      RemoteManagers: null,
    },
    LiveRestoreEnabled: false,
    Isolation: '',
    InitBinary: 'docker-init',
    SecurityOptions: ['name=seccomp,profile=builtin', 'name=cgroupns'],
    Warnings: null,
  });
}

function countStates(
  state: EngineState,
): Record<'Containers' | 'ContainersRunning' | 'ContainersPaused' | 'ContainersStopped', number> {
  let running = 0;
  let paused = 0;
  for (const container of state.containers.values()) {
    if (container.state === 'running') running += 1;
    else if (container.state === 'paused') paused += 1;
  }
  const all = state.containers.size;
  return {
    Containers: all,
    ContainersRunning: running,
    ContainersPaused: paused,
    ContainersStopped: all - running - paused,
  };
}
