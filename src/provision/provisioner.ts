/** What the engine of a machine should be like. */
export interface EngineSpec {
  /** The host name to show; the host itself keeps its name when `isAdopted`. */
  readonly name: string;
  readonly driver: string;
  /** TCP port of the engine's API; absent: it listens at its own socket alone, and who logs in may use that. */
  readonly port?: number;
  /** `key=value` by key; where the machine is and what the person asked for. */
  readonly labels: Readonly<Record<string, string>>;
  /** Flags of dockerd without dashes: `log-driver=local`. */
  readonly options: readonly string[];
  /** `KEY=value` for dockerd's environment. */
  readonly env: readonly string[];
  readonly insecureRegistries: readonly string[];
  readonly registryMirrors: readonly string[];
  readonly storageDriver?: string;
  /** Where the engine comes from; absent: the distribution's packages or Docker's repository, as the provisioner knows. */
  readonly installUrl?: string;
}

/** PEM texts an engine serves TLS with. */
export interface ServerCertificates {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** Puts an engine on a machine and keeps it as it should be. All methods are safe to run again. */
export interface Provisioner {
  /**
   * Resolves when the engine answers on its port with these certificates. Says in `report` what it does; a failure names the
   * step and carries the end of the remote output.
   */
  provision(spec: EngineSpec, certificates: ServerCertificates, task: Task): Promise<void>;
  /**
   * Replaces the certificates only; resolves when the engine serves the new ones. Containers keep running, except where
   * {@link Provisioner.restartsContainers} says otherwise.
   */
  replaceCertificates(spec: EngineSpec, certificates: ServerCertificates, task: Task): Promise<void>;
  /**
   * Whether new certificates cannot be taken without restarting containers: an engine in swarm mode, which carries cluster
   * networks, cannot restart around them. Absent: it always can.
   */
  restartsContainers?(task: Task): Promise<boolean>;
  /** The address from which this computer reaches the machine, as the machine sees it; undefined: it does not tell. Absent: there is no way to know. */
  clientAddress?(task: Task): Promise<string | undefined>;
  /** Where the certificates lie on the machine, for containers that mount them. */
  readonly certificatePaths: {
    readonly folder: string;
    readonly ca: string;
    readonly cert: string;
    readonly key: string;
  };
  /**
   * Keeps the agent that ends strict containers running on the machine, now and after every start of it; undefined: takes it off the
   * machine. Absent: there is no way to. What runs as it should is left alone.
   */
  keepFenceAgent?(agent: FenceAgentSpec | undefined, task: Task): Promise<void>;
  /**
   * Keeps the agent running on the machine that takes it into the mesh, at every start before the engine; undefined: takes agent, tunnels and key off
   * the machine. Absent: there is no way to. What runs as it should is left alone.
   */
  keepMeshAgent?(agent: MeshAgentSpec | undefined, task: Task): Promise<void>;
  /**
   * Keeps a server of etcd running on the machine, now and after every start of it. Absent: there is no way to. Resolves when it was started, which
   * is before it answers; it is restarted only when something is different.
   */
  keepEtcd?(spec: EtcdSpec, task: Task): Promise<void>;
  /** Installs the newest etcd of the same source, and restarts it if it is another one. */
  upgradeEtcd?(task: Task): Promise<void>;
  /** Takes the server of that name off the machine. `keepsData` lays its data aside, else that is removed. */
  endEtcd?(name: string, keepsData: boolean, task: Task): Promise<void>;
  /** Installs the newest engine of the same source. */
  upgrade(spec: EngineSpec, task: Task): Promise<void>;
}

/** The agent that ends strict containers, as a machine is to run it. */
export interface FenceAgentSpec {
  /** Arguments of the program: `join --fence …`. */
  readonly args: readonly string[];
  /** TCP port of the host's firewall where agents of other machines ask it; undefined: they ask over the mesh, whose agent lets them in. */
  readonly port: number | undefined;
  /** Tells one state of what the agent reads at its start only, its certificates, from another: with another one it is restarted. */
  readonly edition: string;
  /** Puts the program onto the machine through its engine, where a machine has none of its own. */
  readonly install: () => Promise<InstalledProgram>;
}

/** The agent that keeps a machine in the mesh, as the machine is to run it. */
export interface MeshAgentSpec extends Pick<FenceAgentSpec, 'edition' | 'install'> {
  /** Arguments of the program: `join --mesh …`. */
  readonly args: readonly string[];
  /** UDP port of WireGuard. */
  readonly port: number;
}

/** A server of the store that managers share, as a machine is to run it. */
export interface EtcdSpec {
  /** Another name has other data. */
  readonly name: string;
  /** Flags of etcd, but for its name, its data and its initial state. */
  readonly flags: readonly string[];
  readonly ports: readonly number[];
  /** It begins the store, if it has no data. Any other one joins the servers that its flags name, or does not start. */
  readonly isFounder: boolean;
  /** As that of the {@link FenceAgentSpec}. */
  readonly edition: string;
}

/** A program on a machine that brings along all it needs. */
export interface InstalledProgram {
  /** Absolute; the root in which it is started. */
  readonly folder: string;
  /** What is started there, arguments left out. */
  readonly command: readonly string[];
}

/** The surroundings of something that takes time. */
export interface Task {
  readonly signal: AbortSignal;
  readonly report: (text: string) => void;
}
