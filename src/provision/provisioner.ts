/** What the engine of a machine should be like. */
export interface EngineSpec {
  /** The host name to show; the host itself keeps its name when `isAdopted`. */
  readonly name: string;
  readonly driver: string;
  /** TCP port of the engine's API. */
  readonly port: number;
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
  /** Where the certificates lie on the machine, for containers that mount them. */
  readonly certificatePaths: {
    readonly folder: string;
    readonly ca: string;
    readonly cert: string;
    readonly key: string;
  };
  /** Installs the newest engine of the same source. */
  upgrade(spec: EngineSpec, task: Task): Promise<void>;
}

/** The surroundings of something that takes time. */
export interface Task {
  readonly signal: AbortSignal;
  readonly report: (text: string) => void;
}
