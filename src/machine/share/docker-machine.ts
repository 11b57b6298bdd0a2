import { createHash, randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { reasonOf } from '../../common/errors.ts';
import { writePrivate } from '../../common/private-file.ts';
import { loadDriver } from '../../drivers/drivers.ts';
import type { OptionValue } from '../../drivers/options.ts';
import { StoreError } from '../errors.ts';
import type { MachineDeps } from '../machine.ts';
import { type EngineSettings, isMachineName, type MachineRecord, plainEngine, READY } from '../record.ts';
import { writeAuthority } from '../trust.ts';

const texts = z.array(z.string()).nullish();

/** What we read of docker-machine's config.json, version 3. */
const config = z.object({
  ConfigVersion: z.literal(3),
  DriverName: z.string(),
  Name: z.string(),
  Driver: z.looseObject({
    IPAddress: z.string().optional(),
    URL: z.string().optional(),
    SSHUser: z.string().optional(),
    SSHPort: z.number().optional(),
    EnginePort: z.number().optional(),
  }),
  HostOptions: z.looseObject({
    EngineOptions: z
      .looseObject({
        Labels: texts,
        InsecureRegistry: texts,
        RegistryMirror: texts,
        Env: texts,
        ArbitraryFlags: texts,
        StorageDriver: z.string().nullish(),
      })
      .nullish(),
    AuthOptions: z.looseObject({ ServerCertSANs: texts }).nullish(),
  }),
});

type DockerMachineConfig = z.output<typeof config>;

/** How an import went, machine by machine. */
export interface ImportedMachine {
  readonly name: string;
  /** Undefined when it was imported, else why not. */
  readonly problem: string | undefined;
}

/** Where docker-machine keeps its machines: `$MACHINE_STORAGE_PATH`, else `~/.docker/machine`. */
export function dockerMachineFolder(env: MachineDeps['env'], home: string): string {
  return env.MACHINE_STORAGE_PATH || join(home, '.docker', 'machine');
}

/**
 * Takes over machines that docker-machine made; its own files stay as they are. Each becomes a machine that is reached as it was:
 * by SSH with its key (`generic`) where it has one, else by its URL (`none`), with the certificates it has. New certificates come from
 * docker-machine's authority, which is taken along. The provider's side stays with the provider: `rm` here does not remove it there.
 */
export async function importDockerMachines(folder: string, context: MachineDeps): Promise<readonly ImportedMachine[]> {
  const names = await readdir(join(folder, 'machines')).catch((error: unknown) => {
    throw new StoreError(`no machines of docker-machine at ${folder}: ${reasonOf(error)}`, 'NO_DOCKER_MACHINE', error);
  });
  const authority = await importAuthority(join(folder, 'certs'), context);
  const results: ImportedMachine[] = [];
  for (const name of names.filter(isMachineName).sort()) {
    const problem = await importOne(join(folder, 'machines', name), name, authority, context).then(
      () => undefined,
      (error: unknown) => reasonOf(error),
    );
    results.push({ name, problem });
  }
  return results;
}

/** Name of the authority in our store; undefined when docker-machine has none. */
async function importAuthority(folder: string, { store }: MachineDeps): Promise<string | undefined> {
  const read = (file: string): Promise<string> => readFile(join(folder, file), 'utf8');
  const parts = await Promise.all(['ca.pem', 'ca-key.pem', 'cert.pem', 'key.pem'].map(read)).catch(() => undefined);
  const [caCert = '', caKey = '', cert = '', key = ''] = parts ?? [];
  if (parts === undefined) return undefined;
  const name = `docker-machine-${createHash('sha256').update(caCert).digest('hex').slice(0, 8)}`;
  await writeAuthority(store, name, { ca: { cert: caCert, key: caKey }, client: { cert, key } });
  return name;
}

async function importOne(
  folder: string,
  name: string,
  authority: string | undefined,
  { store, clock }: MachineDeps,
): Promise<void> {
  const found = await readConfig(join(folder, 'config.json'));
  const key = await readFile(join(folder, 'id_rsa')).catch(() => undefined);
  const { driver, options } = await driverFor(found, key !== undefined);
  const record: MachineRecord = {
    version: 1,
    id: randomBytes(8).toString('hex'),
    name,
    driver,
    createdAt: new Date(clock.now()).toISOString(),
    options,
    engine: engineOf(found),
    ...(authority === undefined || driver === 'none' ? {} : { authority }),
    steps: ['check', 'machine', 'running', 'engine', READY],
    resources: [],
    address: { url: urlOf(found), ...(found.Driver.IPAddress ? { ip: found.Driver.IPAddress } : {}) },
  };
  const stored = await store.add(record);
  for (const file of ['ca.pem', 'cert.pem', 'key.pem', 'server.pem']) {
    const content = await readFile(join(folder, file)).catch(() => undefined);
    if (content !== undefined) await writePrivate(join(stored.tlsFolder, file), content);
  }
  // Where the driver keeps the copy of a key it was given.
  if (key !== undefined) await writePrivate(join(stored.driverFolder, 'id'), key);
}

async function readConfig(file: string): Promise<DockerMachineConfig> {
  const text = await readFile(file, 'utf8');
  const result = config.safeParse(parsed(text, file));
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw new StoreError(`${file}: ${issue?.path.join('.')}: ${issue?.message}`, 'NO_DOCKER_MACHINE');
}

function parsed(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const why = text.trim() === '' ? 'it is empty' : 'it is not JSON';
    throw new StoreError(`${file} cannot be used: ${why}. Restore it from a backup`, 'NO_DOCKER_MACHINE', error);
  }
}

async function driverFor(
  found: DockerMachineConfig,
  hasKey: boolean,
): Promise<{ readonly driver: string; readonly options: Readonly<Record<string, OptionValue>> }> {
  const { Driver } = found;
  const hasGeneric = await loadDriver('generic').then(
    () => true,
    () => false,
  );
  if (!hasGeneric || !Driver.IPAddress || !hasKey) {
    if (!Driver.URL && !Driver.IPAddress)
      throw new StoreError('it has no address: start it once with docker-machine first');
    return { driver: 'none', options: { url: urlOf(found) } };
  }
  const options = {
    'generic-ip-address': Driver.IPAddress,
    'generic-engine-port': portOf(found),
    'generic-ssh-user': Driver.SSHUser || 'root',
    'generic-ssh-port': Driver.SSHPort || 22,
    'generic-set-hostname': false,
    adopt: false,
  };
  return { driver: 'generic', options };
}

function engineOf(found: DockerMachineConfig): EngineSettings {
  const { EngineOptions: engine, AuthOptions } = found.HostOptions;
  const labels = (engine?.Labels ?? []).map((pair): [string, string] => {
    const equals = pair.indexOf('=');
    return equals < 0 ? [pair, ''] : [pair.slice(0, equals), pair.slice(equals + 1)];
  });
  return {
    ...plainEngine(),
    port: portOf(found),
    labels: Object.fromEntries(labels),
    options: engine?.ArbitraryFlags ?? [],
    env: engine?.Env ?? [],
    insecureRegistries: engine?.InsecureRegistry ?? [],
    registryMirrors: engine?.RegistryMirror ?? [],
    // With another one its images and containers would seem to be gone.
    ...(engine?.StorageDriver ? { storageDriver: engine.StorageDriver } : {}),
    tlsSans: AuthOptions?.ServerCertSANs ?? [],
  };
}

function urlOf({ Driver }: DockerMachineConfig): string {
  return Driver.URL || `tcp://${Driver.IPAddress ?? ''}:${Driver.EnginePort ?? 2376}`;
}

function portOf(found: DockerMachineConfig): number {
  return Number(/:(\d+)\/?$/.exec(urlOf(found))?.[1] ?? 2376);
}
