import type { EngineInfo, EngineVersion } from '../types.ts';
import { labels, maybeFlag, maybeText, maybeWhole, texts } from './common.ts';
import { list, name, object, optional, record, type Shape, text, whole } from './shape.ts';

export const version: Shape<EngineVersion> = object({
  Version: maybeText,
  ApiVersion: maybeText,
  MinAPIVersion: maybeText,
  Platform: optional(object({ Name: maybeText })),
}) as Shape<EngineVersion>;

const swarm = object({
  NodeID: maybeText,
  NodeAddr: maybeText,
  LocalNodeState: maybeText,
  ControlAvailable: maybeFlag,
  Error: maybeText,
  Cluster: optional(object({ ID: maybeText, Spec: optional(object({ Labels: labels })) })),
});

const site = object({
  Cluster: name(256),
  Name: maybeText,
  IsLasting: maybeFlag,
  Nodes: maybeWhole,
  HealthyNodes: maybeWhole,
  Absent: maybeWhole,
  Sites: texts,
});

export const info: Shape<EngineInfo> = object({
  ID: name(256),
  Name: name(255),
  Containers: maybeWhole,
  Images: maybeWhole,
  NCPU: whole(0, 2 ** 20),
  MemTotal: whole(0, 2 ** 50),
  Labels: texts,
  Driver: maybeText,
  DriverStatus: optional(list(list(text()))),
  KernelVersion: maybeText,
  OperatingSystem: maybeText,
  OSType: maybeText,
  Architecture: maybeText,
  ServerVersion: maybeText,
  SystemTime: maybeText,
  Warnings: texts,
  Plugins: optional(record(texts)),
  Swarm: optional(swarm),
  LoggingDriver: maybeText,
  CgroupDriver: maybeText,
  CgroupVersion: maybeText,
  DefaultRuntime: maybeText,
  Runtimes: optional(record(optional(object({ path: maybeText })))),
  SecurityOptions: texts,
  InitBinary: maybeText,
  DockerRootDir: maybeText,
  IndexServerAddress: maybeText,
  MemoryLimit: maybeFlag,
  SwapLimit: maybeFlag,
  KernelMemoryTCP: maybeFlag,
  CpuCfsPeriod: maybeFlag,
  CpuCfsQuota: maybeFlag,
  CPUShares: maybeFlag,
  CPUSet: maybeFlag,
  PidsLimit: maybeFlag,
  IPv4Forwarding: maybeFlag,
  OomKillDisable: maybeFlag,
  LiveRestoreEnabled: maybeFlag,
  ExperimentalBuild: maybeFlag,
  Enxame: optional(site),
}) as Shape<EngineInfo>;
