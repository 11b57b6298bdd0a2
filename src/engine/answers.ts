import { EngineError, reasonOf } from '../common/errors.ts';
import type { EngineClient } from './client.ts';
import { EngineAnswerError, type EngineRequest, messageOf } from './exchange.ts';
import { anything, flag, list, name, object, optional, record, type Shape, text, whole } from './shape.ts';
import type {
  ContainerDetails,
  ContainerSummary,
  EngineEvent,
  EngineInfo,
  EngineVersion,
  ImageSummary,
  NetworkSummary,
  VolumeSummary,
} from './types.ts';

/**
 * What engines' answers must be like before anything here reads them. Clients get one answer made of many engines' parts, and one wrong
 * member makes Go's decoders throw away all of it: every member they know is checked. Names are those of moby's `api/types`.
 */

const maybeText = optional(text());
const maybeWhole = optional(whole());
const maybeFlag = optional(flag);
const texts = optional(list(text()));
const labels = optional(record(text()));
const id = name(256);

const version = object({
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

const info = object({
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
  Plugins: optional(record(optional(list(anything)))),
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
}) as Shape<EngineInfo>;

const endpoint = object({
  IPAMConfig: optional(object({ IPv4Address: maybeText, IPv6Address: maybeText, LinkLocalIPs: texts })),
  Links: texts,
  Aliases: texts,
  DNSNames: texts,
  MacAddress: maybeText,
  DriverOpts: optional(record(text())),
  GwPriority: maybeWhole,
  NetworkID: maybeText,
  EndpointID: maybeText,
  Gateway: maybeText,
  IPAddress: maybeText,
  IPPrefixLen: maybeWhole,
  IPv6Gateway: maybeText,
  GlobalIPv6Address: maybeText,
  GlobalIPv6PrefixLen: maybeWhole,
});

const port = object({
  IP: maybeText,
  PrivatePort: whole(0, 65_535),
  PublicPort: optional(whole(0, 65_535)),
  Type: text(),
});

const mount = object({
  Type: maybeText,
  Name: maybeText,
  Source: maybeText,
  Destination: maybeText,
  Driver: maybeText,
  Mode: maybeText,
  RW: maybeFlag,
  Propagation: maybeText,
});

/** An OCI descriptor. */
const descriptor = object({
  mediaType: maybeText,
  digest: maybeText,
  size: maybeWhole,
  urls: texts,
  annotations: optional(record(text())),
  data: maybeText,
  artifactType: maybeText,
  platform: optional(
    object({
      architecture: maybeText,
      os: maybeText,
      variant: maybeText,
      'os.version': maybeText,
      'os.features': texts,
    }),
  ),
});

const container = object({
  Id: id,
  Names: texts,
  Image: text(),
  ImageID: text(),
  Command: maybeText,
  Created: whole(),
  Ports: optional(list(port)),
  SizeRw: maybeWhole,
  SizeRootFs: maybeWhole,
  Labels: labels,
  State: text(),
  Status: text(),
  HostConfig: optional(object({ NetworkMode: maybeText, Annotations: optional(record(text())) })),
  NetworkSettings: optional(object({ Networks: optional(record(optional(endpoint))) })),
  Mounts: optional(list(mount)),
  Health: optional(object({ Status: maybeText, FailingStreak: maybeWhole })),
  ImageManifestDescriptor: optional(descriptor),
}) as Shape<ContainerSummary>;

const image = object({
  Id: id,
  ParentId: maybeText,
  RepoTags: texts,
  RepoDigests: texts,
  Created: whole(),
  Size: whole(),
  SharedSize: maybeWhole,
  VirtualSize: maybeWhole,
  Labels: labels,
  Containers: maybeWhole,
  Descriptor: optional(descriptor),
  Manifests: optional(
    list(
      object({
        ID: maybeText,
        Descriptor: optional(descriptor),
        Available: maybeFlag,
        Kind: maybeText,
        Size: optional(object({ Total: maybeWhole, Content: maybeWhole })),
        ImageData: optional(
          object({
            Platform: optional(object({})),
            Identity: optional(object({})),
            Containers: texts,
            Size: optional(object({ Unpacked: maybeWhole })),
          }),
        ),
        AttestationData: optional(object({ For: maybeText })),
      }),
    ),
  ),
}) as Shape<ImageSummary>;

const network = object({
  Id: id,
  Name: text(),
  Driver: text(),
  Scope: text(),
  Created: maybeText,
  EnableIPv4: maybeFlag,
  EnableIPv6: maybeFlag,
  IPAM: optional(
    object({
      Driver: maybeText,
      Options: optional(record(text())),
      Config: optional(
        list(
          object({
            Subnet: maybeText,
            IPRange: maybeText,
            Gateway: maybeText,
            AuxiliaryAddresses: optional(record(text())),
          }),
        ),
      ),
    }),
  ),
  Internal: maybeFlag,
  Attachable: maybeFlag,
  Ingress: maybeFlag,
  ConfigFrom: optional(object({ Network: maybeText })),
  ConfigOnly: maybeFlag,
  Options: optional(record(text())),
  Labels: labels,
  Containers: optional(
    record(
      object({
        Name: maybeText,
        EndpointID: maybeText,
        MacAddress: maybeText,
        IPv4Address: maybeText,
        IPv6Address: maybeText,
      }),
    ),
  ),
  Services: optional(
    record(
      object({
        VIP: maybeText,
        Ports: texts,
        LocalLBIndex: maybeWhole,
        Tasks: optional(
          list(
            object({
              Name: maybeText,
              EndpointID: maybeText,
              EndpointIP: maybeText,
              Info: optional(record(text())),
            }),
          ),
        ),
      }),
    ),
  ),
  Peers: optional(list(object({ Name: maybeText, IP: maybeText }))),
}) as Shape<NetworkSummary>;

const volume = object({
  Name: text(),
  Driver: text(),
  Scope: maybeText,
  CreatedAt: maybeText,
  Mountpoint: maybeText,
  Status: optional(record(anything)),
  Labels: labels,
  Options: optional(record(text())),
  UsageData: optional(object({ Size: maybeWhole, RefCount: maybeWhole })),
  ClusterVolume: optional(object({})),
}) as Shape<VolumeSummary>;

const volumeList = object({ Volumes: optional(list(volume)), Warnings: texts }) as Shape<{
  readonly Volumes?: readonly VolumeSummary[] | null;
}>;

const event = object({
  Type: text(),
  Action: text(),
  Actor: object({ ID: text(), Attributes: optional(record(text())) }),
  scope: maybeText,
  status: maybeText,
  id: maybeText,
  from: maybeText,
  time: maybeWhole,
  // Beyond 2^53: what JSON.parse makes of it is near enough to tell that it is a number.
  timeNano: optional(whole(-(2 ** 63), 2 ** 63)),
}) as Shape<EngineEvent>;

const details = object({
  Id: optional(id),
  State: optional(object({ Status: maybeText, StartedAt: maybeText, FinishedAt: maybeText })),
  Config: optional(object({ Image: maybeText, Labels: labels, ExposedPorts: optional(record(anything)) })),
  HostConfig: optional(object({})),
}) as Shape<ContainerDetails>;

const imageReport = object({
  ImagesDeleted: optional(list(object({ Untagged: maybeText, Deleted: maybeText }))),
  SpaceReclaimed: maybeWhole,
}) as Shape<{ readonly ImagesDeleted?: readonly object[] | null; readonly SpaceReclaimed?: number | null }>;

/** An engine's `GET /system/df`, in the form up to API 1.51. */
export interface DiskUsage {
  readonly LayersSize?: number | null;
  readonly Images?: readonly ImageSummary[] | null;
  readonly Containers?: readonly ContainerSummary[] | null;
  readonly Volumes?: readonly VolumeSummary[] | null;
  readonly BuildCache?: readonly object[] | null;
}

const buildCache = object({
  ID: maybeText,
  Parent: maybeText,
  Parents: texts,
  Type: maybeText,
  Description: maybeText,
  InUse: maybeFlag,
  Shared: maybeFlag,
  Size: maybeWhole,
  CreatedAt: maybeText,
  LastUsedAt: maybeText,
  UsageCount: maybeWhole,
});

const usage = object({
  LayersSize: maybeWhole,
  Images: optional(list(image)),
  Containers: optional(list(container)),
  Volumes: optional(list(volume)),
  BuildCache: optional(list(buildCache)),
}) as Shape<DiskUsage>;

/** What a prune of containers, build cache, volumes or networks reports: names under one member, and the space. */
const pruneReport = object({
  ContainersDeleted: texts,
  CachesDeleted: texts,
  VolumesDeleted: texts,
  NetworksDeleted: texts,
  SpaceReclaimed: maybeWhole,
}) as Shape<{
  readonly ContainersDeleted?: readonly string[] | null;
  readonly CachesDeleted?: readonly string[] | null;
  readonly VolumesDeleted?: readonly string[] | null;
  readonly NetworksDeleted?: readonly string[] | null;
  readonly SpaceReclaimed?: number | null;
}>;

/** The shapes of engines' answers, by what they are about. */
export const ANSWERS: {
  readonly version: Shape<EngineVersion>;
  readonly info: Shape<EngineInfo>;
  readonly containers: Shape<readonly ContainerSummary[]>;
  readonly images: Shape<readonly ImageSummary[]>;
  readonly networks: Shape<readonly NetworkSummary[]>;
  readonly network: Shape<NetworkSummary>;
  readonly volumes: typeof volumeList;
  readonly event: Shape<EngineEvent>;
  readonly details: Shape<ContainerDetails>;
  readonly imageReport: typeof imageReport;
  readonly pruneReport: typeof pruneReport;
  readonly usage: Shape<DiskUsage>;
} = {
  version: version,
  info: info,
  containers: list(container),
  images: list(image),
  networks: list(network),
  network: network,
  volumes: volumeList,
  event: event,
  details: details,
  imageReport: imageReport,
  pruneReport: pruneReport,
  usage: usage,
};

/** An engine answered something else than the Engine API has there. */
export class MalformedAnswerError extends EngineError {
  constructor(what: string, why: string) {
    super(`${what} is not as the Docker Engine API has it: ${why}`, 'ENGINE_MALFORMED');
  }
}

/** Parses an answer and checks it. `what` begins the message of the {@link MalformedAnswerError}: `GET /info`, `an event`. */
export function parseAnswer<T>(body: Buffer | string, shape: Shape<T>, what: string): T {
  let value: unknown;
  try {
    value = JSON.parse(body.toString());
  } catch (error) {
    throw new MalformedAnswerError(what, `it is not JSON (${reasonOf(error)})`);
  }
  const wrong = shape(value);
  if (wrong === undefined) return value as T;
  throw new MalformedAnswerError(
    what,
    wrong.replace(/^\.|^ /, (start) => (start === ' ' ? 'it ' : '')),
  );
}

/** A buffered call whose answer is JSON of a shape. Rejects for answers of 400 and more, and for another shape. */
export async function askEngine<T>(client: EngineClient, request: EngineRequest, shape: Shape<T>): Promise<T> {
  const { statusCode, body } = await client.request({ maxBytes: MAX_ANSWER_BYTES, ...request });
  if (statusCode >= 400) throw new EngineAnswerError(messageOf(body), statusCode);
  return parseAnswer(body, shape, `${request.method} ${request.path.split('?')[0]}`);
}

/** An engine that says more is not listened to: reading it would hold up everything else. A create's body has 16 MiB at most. */
const MAX_ANSWER_BYTES = 128 * 1024 * 1024;
