/**
 * The fields of the Engine API that we read, in Docker's own casing. Answers carry more; what is not named here
 * passes through untouched.
 */

/** An entry of `GET /containers/json`. */
export interface ContainerSummary {
  readonly Id: string;
  readonly Names?: readonly string[] | null;
  readonly Image: string;
  readonly ImageID: string;
  readonly Command?: string;
  readonly Created: number;
  readonly Ports?: readonly PortSummary[] | null;
  readonly Labels?: Readonly<Record<string, string>> | null;
  readonly State: string;
  readonly Status: string;
  readonly HostConfig?: { readonly NetworkMode?: string };
  /** Bytes; only when sizes were asked for. */
  readonly SizeRw?: number | null;
  readonly SizeRootFs?: number | null;
  readonly NetworkSettings?: { readonly Networks?: Readonly<Record<string, EndpointSummary>> | null };
  readonly Mounts?: readonly MountSummary[] | null;
  /** Of a container at a site: the node there that has it. */
  readonly SiteNode?: string;
}

/** A published or exposed port in a list entry. */
export interface PortSummary {
  readonly IP?: string;
  readonly PrivatePort: number;
  readonly PublicPort?: number;
  readonly Type: string;
}

/** A container's attachment to one network. */
export interface EndpointSummary {
  readonly NetworkID?: string;
  readonly EndpointID?: string;
  readonly IPAddress?: string;
  /** What the client asked for. */
  readonly IPAMConfig?: { readonly IPv4Address?: string } | null;
}

/** A mount of a container in a list entry. */
export interface MountSummary {
  readonly Type?: string;
  readonly Name?: string;
  readonly Source?: string;
  readonly Destination?: string;
  readonly Driver?: string;
}

/** `GET /info`. */
export interface EngineInfo {
  readonly ID: string;
  readonly Name: string;
  readonly Containers?: number;
  readonly Images?: number;
  readonly NCPU: number;
  readonly MemTotal: number;
  readonly Labels?: readonly string[] | null;
  readonly Driver?: string;
  readonly KernelVersion?: string;
  readonly OperatingSystem?: string;
  readonly OSType?: string;
  readonly Architecture?: string;
  readonly ServerVersion?: string;
  readonly SystemTime?: string;
  readonly Warnings?: readonly string[] | null;
  readonly Plugins?: Readonly<Record<string, readonly string[] | null>>;
  readonly Swarm?: SwarmInfo | null;
  readonly LoggingDriver?: string | null;
  readonly CgroupDriver?: string | null;
  readonly CgroupVersion?: string | null;
  readonly DefaultRuntime?: string | null;
  readonly Runtimes?: Readonly<Record<string, { readonly path?: string | null } | null>> | null;
  readonly SecurityOptions?: readonly string[] | null;
  readonly InitBinary?: string | null;
  readonly DockerRootDir?: string | null;
  readonly IndexServerAddress?: string | null;
  readonly DriverStatus?: readonly (readonly string[])[] | null;
  readonly MemoryLimit?: boolean | null;
  readonly SwapLimit?: boolean | null;
  readonly KernelMemoryTCP?: boolean | null;
  readonly CpuCfsPeriod?: boolean | null;
  readonly CpuCfsQuota?: boolean | null;
  readonly CPUShares?: boolean | null;
  readonly CPUSet?: boolean | null;
  readonly PidsLimit?: boolean | null;
  readonly IPv4Forwarding?: boolean | null;
  readonly OomKillDisable?: boolean | null;
  readonly LiveRestoreEnabled?: boolean | null;
  readonly ExperimentalBuild?: boolean | null;
  /** Only of the manager of another cluster. */
  readonly Enxame?: SiteInfo | null;
}

/** What the manager of a cluster says of it beside what engines say; a cluster that is a node of another one is a site. */
export interface SiteInfo {
  /** The cluster's ID. */
  readonly Cluster: string;
  /** What its operator calls it. */
  readonly Name?: string | null;
  /** Whether it has the ID and knows its containers over a restart of its manager. */
  readonly IsLasting?: boolean | null;
  readonly Nodes?: number | null;
  readonly HealthyNodes?: number | null;
  /** Its nodes that left with something on them: what was there is not listed, and not gone either. */
  readonly Absent?: number | null;
  /** IDs of the clusters that are nodes of it, directly or further below. */
  readonly Sites?: readonly string[] | null;
}

/** The engine's own swarm mode, on which cluster networks stand. */
export interface SwarmInfo {
  readonly NodeID?: string;
  readonly NodeAddr?: string;
  readonly LocalNodeState?: string;
  readonly ControlAvailable?: boolean;
  readonly Error?: string;
  readonly Cluster?: {
    readonly ID?: string;
    readonly Spec?: { readonly Labels?: Readonly<Record<string, string>> | null };
  } | null;
}

/** `GET /version`. */
export interface EngineVersion {
  readonly Version?: string | null;
  readonly ApiVersion?: string | null;
  readonly MinAPIVersion?: string | null;
  readonly Platform?: { readonly Name?: string | null } | null;
}

/** An entry of `GET /images/json`. */
export interface ImageSummary {
  readonly Id: string;
  readonly ParentId?: string;
  readonly RepoTags?: readonly string[] | null;
  readonly RepoDigests?: readonly string[] | null;
  readonly Created: number;
  readonly Size: number;
  readonly Labels?: Readonly<Record<string, string>> | null;
  readonly Containers?: number;
  /** Bytes that other images have, too; -1 unless asked for. */
  readonly SharedSize?: number | null;
}

/** An entry of `GET /networks`. */
export interface NetworkSummary {
  readonly Id: string;
  readonly Name: string;
  readonly Driver: string;
  readonly Scope: string;
  readonly Created?: string;
  readonly Ingress?: boolean;
  readonly Attachable?: boolean;
  readonly Internal?: boolean;
  readonly EnableIPv6?: boolean;
  readonly ConfigOnly?: boolean;
  readonly ConfigFrom?: { readonly Network?: string } | null;
  readonly Options?: Readonly<Record<string, string>> | null;
  readonly IPAM?: IpamSummary | null;
  readonly Labels?: Readonly<Record<string, string>> | null;
}

/** How a network manages its addresses. */
export interface IpamSummary {
  readonly Driver?: string;
  readonly Options?: Readonly<Record<string, string>> | null;
  readonly Config?: readonly IpamConfig[] | null;
}

/** One subnet of a network. */
export interface IpamConfig {
  readonly Subnet?: string;
  readonly IPRange?: string;
  readonly Gateway?: string;
  readonly AuxiliaryAddresses?: Readonly<Record<string, string>> | null;
}

/** An entry of `GET /volumes`. */
export interface VolumeSummary {
  readonly Name: string;
  readonly Driver: string;
  readonly Scope?: string;
  readonly CreatedAt?: string;
  readonly Mountpoint?: string;
  readonly Labels?: Readonly<Record<string, string>> | null;
  readonly Options?: Readonly<Record<string, string>> | null;
  /** Only in `GET /system/df`; -1 is unknown. */
  readonly UsageData?: { readonly Size?: number | null; readonly RefCount?: number | null } | null;
}

/** A message of `GET /events`. */
export interface EngineEvent {
  readonly Type: string;
  readonly Action: string;
  readonly Actor: { readonly ID: string; readonly Attributes?: Readonly<Record<string, string>> | null };
  readonly scope?: string;
  /** Seconds since the epoch; `timeNano` is read from the text because it does not fit a double. */
  readonly time?: number;
}

/** The parts of `GET /containers/{id}/json` that scheduling reads. */
export interface ContainerDetails {
  readonly Id: string;
  readonly State?: { readonly Status?: string; readonly StartedAt?: string; readonly FinishedAt?: string };
  readonly Config?: {
    readonly Image?: string;
    readonly Labels?: Readonly<Record<string, string>> | null;
    readonly ExposedPorts?: Readonly<Record<string, unknown>> | null;
  };
  readonly HostConfig?: Readonly<Record<string, unknown>>;
}

/** An engine's `GET /system/df`, in the form up to API 1.51. */
export interface DiskUsage {
  readonly LayersSize?: number | null;
  readonly Images?: readonly ImageSummary[] | null;
  readonly Containers?: readonly ContainerSummary[] | null;
  readonly Volumes?: readonly VolumeSummary[] | null;
  readonly BuildCache?: readonly object[] | null;
}
