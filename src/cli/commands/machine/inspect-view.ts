import { dirname, join } from 'node:path';
import type { MachineRecord } from '../../../machine/record.ts';
import type { SshShell } from '../../../provision/shell.ts';

/** A machine for `inspect`. */
export interface Inspected {
  /** With a token that is not shown in full. */
  readonly record: MachineRecord;
  readonly tlsFolder: string;
  /** Undefined without SSH, or if the driver cannot tell. */
  readonly ssh: SshShell | undefined;
}

/** The fields of docker-machine's `inspect` that scripts ask for, beside our own: `{{.Driver.IPAddress}}`. */
export function dockerMachineFields({ record, tlsFolder, ssh }: Inspected): Readonly<Record<string, unknown>> {
  return {
    Name: record.name,
    DriverName: record.driver,
    Driver: {
      MachineName: record.name,
      IPAddress: record.address?.ip ?? '',
      SSHUser: ssh?.user ?? '',
      SSHPort: ssh?.port ?? 0,
      SSHKeyPath: ssh?.keyPath ?? '',
      StorePath: dirname(dirname(dirname(tlsFolder))),
    },
    HostOptions: {
      EngineOptions: engineOptions(record),
      SwarmOptions: swarmOptions(record),
      AuthOptions: {
        StorePath: tlsFolder,
        CaCertPath: join(tlsFolder, 'ca.pem'),
        ClientCertPath: join(tlsFolder, 'cert.pem'),
        ClientKeyPath: join(tlsFolder, 'key.pem'),
        ServerCertPath: join(tlsFolder, 'server.pem'),
        ServerCertSANs: record.engine.tlsSans,
      },
    },
  };
}

function engineOptions({ engine }: MachineRecord): object {
  return {
    ArbitraryFlags: engine.options,
    Env: engine.env,
    InsecureRegistry: engine.insecureRegistries,
    Labels: Object.entries(engine.labels).map(([key, value]) => `${key}=${value}`),
    RegistryMirror: engine.registryMirrors,
    StorageDriver: engine.storageDriver ?? '',
    InstallURL: engine.installUrl ?? '',
  };
}

function swarmOptions({ swarm }: MachineRecord): object {
  return {
    IsSwarm: swarm !== undefined,
    Master: swarm?.isMaster ?? false,
    Agent: swarm?.isMember ?? false,
    Address: swarm?.addr ?? '',
    Discovery: swarm?.discovery ?? '',
    Host: swarm?.host ?? '',
    Image: swarm?.image ?? '',
    Strategy: swarm?.strategy ?? '',
    ArbitraryFlags: swarm?.options ?? [],
    ArbitraryJoinFlags: swarm?.joinOptions ?? [],
  };
}
