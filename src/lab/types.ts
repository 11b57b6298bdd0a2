import type { CommandOptions, CommandResult } from '../common/command.ts';
import type { Credentials, EngineOptions } from '../namespaces/daemon.ts';
import type { Generation } from '../namespaces/generations.ts';
import type { TestImage } from './images.ts';

export type { CommandOptions, CommandResult, Credentials, Generation };

/** One engine of the lab. */
export interface NodeOptions extends EngineOptions {
  /** `shared` gives all nodes that say so the same engine ID, as cloned machine images have. Default `own`. */
  readonly engineId?: 'own' | 'shared';
  /** Puts the data-root on a tmpfs of this size (disk-full tests). Its content is lost when the host is lost. */
  readonly dataRootBytes?: number;
}

/** What the whole lab should be. */
export interface LabOptions {
  readonly nodes: readonly NodeOptions[];
  /** Mutual TLS on the engines' TCP port; default true. */
  readonly tls?: boolean;
  /** Run name; default unique. Lower-case letters, digits and dashes, at most 16. */
  readonly name?: string;
  /** Abandons the start and removes what was made so far. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (line: string) => void;
  /** Leaves the lab running when this process ends; it is then removed only by `close()` or by name. Default false. */
  readonly keep?: boolean;
}

/** The lab's certificates as PEM file paths; `ca`, `cert` and `key` are the client's. */
export interface LabCertificates extends Credentials {
  /** For a manager that listens on 127.0.0.1, localhost or the bridge address; also valid as a client of the engines. */
  readonly server: Credentials;
  /** A client certificate of another CA, with that CA: every engine must refuse it. */
  readonly other: Credentials;
}

/** How to run `docker` against one node. */
export interface DockerOptions extends CommandOptions {
  /** Which CLI; default the node's own generation. */
  readonly generation?: Generation;
}

/** Makes a node's link bad in both directions. */
export interface LinkQuality {
  /** Needs the kernel's netem. */
  readonly delayMs?: number;
  readonly lossPercent?: number;
  readonly rateKbit?: number;
}

/** One engine on a host of its own. */
export interface LabNode {
  readonly name: string;
  /** IPv4 address on the lab's bridge. */
  readonly address: string;
  /** `host:port` of the engine's API: port 2376 with TLS, 2375 without. */
  readonly endpoint: string;
  /** The engine's unix socket on this machine. */
  readonly socketPath: string;
  readonly generation: Generation;
  /** Process ID of dockerd as this machine sees it; undefined while it does not run. */
  readonly enginePid: number | undefined;
  /** The engine's log file on this machine. */
  readonly logPath: string;
  /** `docker load`s images into the engine. */
  load(images: readonly TestImage[]): Promise<void>;
  /** Runs a docker CLI against the engine's unix socket. */
  docker(args: readonly string[], options?: DockerOptions): Promise<CommandResult>;
  /** Stops dockerd gracefully (SIGTERM); the host, its address and the data stay. */
  stop(): Promise<void>;
  /** Starts dockerd again on the same data with the same ID; the host too, if it was lost. */
  start(): Promise<void>;
  /** Loses the host: every process of it is killed at once and its link goes down. */
  crash(): Promise<void>;
  /** Kills dockerd alone (SIGKILL); containerd and the containers run on until the host is lost. */
  killEngine(): Promise<void>;
  /** Suspends dockerd and its containerd: connections stay open, nothing answers. Containers run on. */
  hang(): void;
  /** Ends {@link LabNode.hang}. */
  resume(): void;
  /** Takes the link down: packets are lost in both directions without an answer. */
  partition(): Promise<void>;
  /** Ends {@link LabNode.partition}. */
  heal(): Promise<void>;
  slow(quality: LinkQuality): Promise<void>;
  /** Ends {@link LabNode.slow}. */
  unslow(): Promise<void>;
  /** Runs a command of this machine in the node's network namespace. */
  exec(command: readonly string[], options?: CommandOptions): Promise<CommandResult>;
}

/** Many engines on one bridge. */
export interface Lab extends AsyncDisposable {
  readonly name: string;
  readonly nodes: readonly LabNode[];
  /** Everything the run keeps on disk. */
  readonly directory: string;
  /** Undefined without TLS. */
  readonly certificates: LabCertificates | undefined;
  /** This machine's IPv4 address on the lab's bridge. */
  readonly bridgeAddress: string;
  /** CIDR of the bridge. */
  readonly subnet: string;
  /** The node of that name; throws when there is none. */
  node(name: string): LabNode;
  /** Starts one more engine. */
  addNode(options: NodeOptions): Promise<LabNode>;
  /** Environment for docker and compose, to be added to a client's own: TLS settings, and DOCKER_HOST if an endpoint is given. */
  dockerEnv(endpoint?: string): Record<string, string>;
  /** Removes every trace. May be called again. */
  close(): Promise<void>;
}
