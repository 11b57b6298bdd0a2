import { readdir, readFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { ClusterError, ConflictError } from '../../common/errors.ts';
import { privateFolder, writePrivate } from '../../common/private-file.ts';
import { machineExists } from '../errors.ts';
import type { MachineDeps } from '../machine.ts';
import { type MachineRecord, parseRecord } from '../record.ts';
import { assertMachineName, type StoredMachine } from '../store.ts';
import { clientFiles, readAuthority, type TrustDeps } from '../trust.ts';
import type { Share, SharedFile } from './archive.ts';
import { authoritiesIn, importAuthorities, keylessAuthority, sharedAuthorityName } from './authorities.ts';

/** What goes into an export besides the machines. */
export interface ExportOptions {
  /** The authorities' keys too. They are enough to make certificates for all machines of the authority. */
  readonly withAuthority: boolean;
  /** Who gets it: the name in the client certificate made for them. */
  readonly recipient: string;
}

/**
 * The machines as a file for a team-mate: what they are, how they are reached, a client certificate of the recipient's own (ours
 * stays ours) and the drivers' files (SSH keys). Credentials of providers are left out.
 */
export async function exportMachines(
  names: readonly string[],
  context: MachineDeps,
  options: ExportOptions,
  signal: AbortSignal,
): Promise<Share> {
  const files = new Map<string, SharedFile>();
  const trust: TrustDeps = { ...context, signal };
  for (const name of names) {
    const stored = await context.store.load(name);
    const { authority } = stored.record;
    const shared = authority === undefined ? undefined : await sharedName(authority, trust);
    const issuer = shared === undefined ? undefined : authority;
    const parts = [
      await machineFiles(stored, shared),
      await tlsFiles(stored, issuer, trust, options),
      issuer === undefined || shared === undefined || !options.withAuthority
        ? []
        : await authorityFiles(issuer, shared, trust),
    ];
    for (const file of parts.flat()) files.set(file.path, file);
  }
  return { machines: names, files: [...files.values()] };
}

async function machineFiles(
  { record, driverFolder }: StoredMachine,
  authority: string | undefined,
): Promise<SharedFile[]> {
  const [{ loadDriver }, { storable }] = await Promise.all([
    import('../../drivers/drivers.ts'),
    import('../../drivers/option-values.ts'),
  ]);
  const module = await loadDriver(record.driver);
  const options = storable(module.options, record.options, false);
  const shared: MachineRecord = { ...record, options, authority };
  const base = `machines/${record.name}`;
  const json = { path: `${base}/machine.json`, content: Buffer.from(`${JSON.stringify(shared, null, 2)}\n`) };
  return [json, ...(await filesBelow(driverFolder, `${base}/driver`))];
}

/** A certificate for the recipient where we can make one; an engine that was there before knows only the one it was given. */
async function tlsFiles(
  stored: StoredMachine,
  issuer: string | undefined,
  trust: TrustDeps,
  { recipient }: ExportOptions,
): Promise<SharedFile[]> {
  const { name } = stored.record;
  const base = `machines/${name}/tls`;
  const server = await readFile(join(stored.tlsFolder, 'server.pem')).catch(() => undefined);
  const common = server === undefined ? [] : [{ path: `${base}/server.pem`, content: server }];
  const own = await clientFiles(stored);
  if (own === undefined) return common;
  const client = issuer === undefined ? own : { ca: own.ca, ...(await issueFor(issuer, recipient, trust)) };
  const part = (file: string, text: string): SharedFile => ({ path: `${base}/${file}`, content: Buffer.from(text) });
  return [...common, part('ca.pem', client.ca), part('cert.pem', client.cert), part('key.pem', client.key)];
}

async function issueFor(
  authority: string,
  recipient: string,
  trust: TrustDeps,
): Promise<{ cert: string; key: string }> {
  const { loadAuthority } = await import('../../pki/authority.ts');
  const issuer = await loadAuthority((await readAuthority(authority, trust)).ca, () => trust.clock.now());
  return await issuer.issue({ commonName: recipient, purposes: ['client'] });
}

async function authorityFiles(authority: string, shared: string, trust: TrustDeps): Promise<SharedFile[]> {
  const { ca, client } = await readAuthority(authority, trust);
  const base = `certs/${shared}`;
  const texts = { 'ca.pem': ca.cert, 'ca-key.pem': ca.key, 'cert.pem': client.cert, 'key.pem': client.key };
  return Object.entries(texts).map(([file, text]) => ({ path: `${base}/${file}`, content: Buffer.from(text) }));
}

/** Undefined when its key is not here: then no certificates can be made from the export. */
async function sharedName(authority: string, trust: TrustDeps): Promise<string | undefined> {
  const files = await readAuthority(authority, trust).catch((error: unknown) => {
    if (error instanceof ClusterError && error.code === 'NO_AUTHORITY') return undefined;
    throw error;
  });
  return files && sharedAuthorityName(files.ca.cert);
}

/**
 * Puts shared machines into the store, all of them or none. Names that are taken are an error before anything is written. A share comes from
 * another person: it never touches an authority that is here, nor lets a machine of its own be signed for by one.
 */
export async function importMachines(share: Share, context: MachineDeps): Promise<readonly string[]> {
  const { store } = context;
  for (const name of share.machines) {
    assertMachineName(name);
    if (await store.has(name)) throw machineExists(name);
  }
  const records = share.machines.map((name) => recordIn(share, name));
  const authorities = await importAuthorities(authoritiesIn(share), store);
  for (const record of records) {
    const stored = await store.add({ ...record, authority: authorityHere(record, share, authorities, store) });
    for (const { path, content } of share.files) {
      const [, name, folder, ...rest] = path.split('/');
      if (name !== record.name || rest.length === 0) continue;
      if (folder === 'tls') await writePrivate(join(stored.tlsFolder, ...rest), content);
      if (folder === 'driver') await writePrivate(join(stored.driverFolder, ...rest), content);
    }
  }
  return share.machines;
}

function recordIn(share: Share, name: string): MachineRecord {
  const file = share.files.find(({ path }) => path === `machines/${name}/machine.json`);
  const record = parseRecord(file?.content.toString() ?? '', `${name}'s machine.json in the export`);
  if (record.name === name) return record;
  throw new ConflictError(`the export names a machine "${name}" and means "${record.name}": ask for it again`);
}

/** The one that came with it; a name alone could mean one that is here. An engine that was there before has none. */
function authorityHere(
  { name, driver, authority }: MachineRecord,
  share: Share,
  names: ReadonlyMap<string, string>,
  store: MachineDeps['store'],
): string | undefined {
  const carried = authority === undefined ? undefined : names.get(authority);
  if (carried !== undefined || (driver === 'none' && authority === undefined)) return carried;
  const ca = share.files.find(({ path }) => path === `machines/${name}/tls/ca.pem`)?.content.toString();
  return keylessAuthority(authority, ca, store);
}

async function filesBelow(folder: string, base: string): Promise<SharedFile[]> {
  await privateFolder(folder);
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  const files = entries.filter((entry) => entry.isFile());
  return await Promise.all(
    files.map(async (entry) => {
      const path = join(entry.parentPath, entry.name);
      return { path: `${base}/${relative(folder, path).split(sep).join('/')}`, content: await readFile(path) };
    }),
  );
}
