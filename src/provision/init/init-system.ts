/** How the engine is to be run. */
export interface EngineSetup {
  /** Where it listens beside its own socket: `tcp://0.0.0.0:2376`; undefined: nowhere. */
  readonly listen: string | undefined;
  /** Arguments of dockerd with dashes. */
  readonly flags: readonly string[];
  /** `KEY=value` for its environment. */
  readonly env: readonly string[];
  /** Names of flags that daemon.json speaks for, without dashes: said in both places, dockerd does not start. */
  readonly inSettings: readonly string[];
}

/** A file for the machine. */
export interface RemoteFile {
  readonly path: string;
  readonly content: string;
  /** Octal permissions: `600`. */
  readonly mode: string;
}

/** How services run on a machine. All scripts are POSIX shell, run as root, safe to run again. */
export interface InitSystem {
  /** Prints what {@link InitSystem.files} wants to know, and `running=yes` when the engine runs, with the functions of `PAIRS`. */
  readonly inspect: string;
  /** Whether daemon.json has to name the sockets, because the service's own command line does not. */
  readonly wantsHostsInSettings: boolean;
  /** The files that make the service run the engine so. */
  files(setup: EngineSetup, seen: ReadonlyMap<string, string>): readonly RemoteFile[];
  /** Lets the engine run now, with its present files, and after every start of the machine. Prints its last words when it fails. */
  readonly restart: string;
  /** How the agent that ends strict containers is run; `fence-agent.ts` writes what is started. */
  readonly agent: Service;
  /** How the agent is run that keeps the machine in the mesh, which is up before the engine; `mesh-agent.ts` writes what is started. */
  readonly mesh: Service;
  /** How a server of the masters' store is run; `etcd.ts` writes what is started. */
  readonly etcd: Service;
}

/** A service of ours. All scripts are as those of the {@link InitSystem}. */
export interface Service {
  readonly files: readonly RemoteFile[];
  /** A condition: whether it runs. */
  readonly isRunning: string;
  /** Lets it run now, anew, and after every start of the machine. Prints its last words when it fails. */
  readonly restart: string;
  /** Ends it politely and lets it run no more. */
  readonly stop: string;
}
