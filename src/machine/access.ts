import { ClusterError, EngineError, reasonOf } from '../common/errors.ts';
import { parseEntry } from '../discovery/entry.ts';
import { EngineClient } from '../engine/client.ts';
import type { Connector } from '../engine/connectors/connector.ts';
import { connectorFor } from '../engine/connectors/connectors.ts';
import { tlsConnector } from '../engine/connectors/socket.ts';
import { isTlsFailure } from '../engine/tls-failure.ts';
import type { Shell } from '../provision/shell.ts';
import type { Machine } from './machine.ts';
import type { MachineRecord } from './record.ts';
import type { StoredMachine } from './store.ts';
import { clientFiles } from './trust.ts';

/** A client of the engine at `url`, with the machine's certificates, or with the key of its `shell` through SSH. The caller closes it. */
export async function engineClient(
  machine: StoredMachine,
  url: string,
  shell?: Shell | undefined,
): Promise<EngineClient> {
  return new EngineClient(await connectorOf(machine, url, shell), { connections: 4 });
}

/** A client of the machine's own engine, where it was seen last. The caller closes it. */
export async function ownEngine({ stored, driver }: Machine, signal: AbortSignal): Promise<EngineClient> {
  const shell = stored.record.reach === 'ssh' ? await driver.shell(signal) : undefined;
  return await engineClient(stored, stored.record.address?.url ?? '', shell);
}

async function connectorOf(machine: StoredMachine, url: string, shell: Shell | undefined): Promise<Connector> {
  const entry = parseEntry(url.replace(/^https?:/, 'tcp:'));
  if (entry.scheme === 'ssh' && shell?.kind === 'ssh') {
    const { sshConnector } = await import('../engine/connectors/ssh.ts');
    const { keyPath, knownHostsPath } = shell;
    return sshConnector(entry, { login: { keyPath, knownHostsPath, acceptsNewHost: true } });
  }
  const files = await clientFiles(machine);
  // Docker's tcp:// says nothing about TLS; the certificates do.
  if (entry.scheme !== 'tcp' || files === undefined) return await connectorFor(entry, {});
  return tlsConnector(entry.host, entry.port, { ...files, verify: true });
}

/** Docker's version at the machine's own engine, which is at `url`; else as {@link engineVersion}. */
export async function ownVersion(
  { stored, driver }: Machine,
  url: string,
  options: { readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<string> {
  const shell = stored.record.reach === 'ssh' ? await driver.shell(options.signal) : undefined;
  return await engineVersion(stored, url, { ...options, shell });
}

/** Docker's version at the machine's engine. Rejects with one line that tells certificates from a host that is away. */
export async function engineVersion(
  machine: StoredMachine,
  url: string,
  {
    shell,
    ...options
  }: { readonly timeoutMs: number; readonly signal: AbortSignal; readonly shell?: Shell | undefined },
): Promise<string> {
  const client = await engineClient(machine, url, shell).catch((error: unknown) => {
    throw unusableFiles(machine, error);
  });
  try {
    const request = { method: 'GET', path: '/version', isUnversioned: true, ...options } as const;
    return (await client.json<{ readonly Version: string }>(request)).Version;
  } catch (error) {
    if (isTlsFailure(error)) throw certificateError(machine.record.name, url, error);
    throw closedError(machine.record, error) ?? error;
  } finally {
    await client.close();
  }
}

/** Files that belong to each other no more, or are none. */
function unusableFiles({ record, tlsFolder }: StoredMachine, cause: unknown): unknown {
  if (cause instanceof ClusterError) return cause;
  const next = `Run "enxame machine regenerate-certs --client-certs ${record.name}"`;
  return new EngineError(
    `the certificates in ${tlsFolder} cannot be used: ${reasonOf(cause)}. ${next}`,
    'ENGINE_TLS',
    cause,
  );
}

/** A firewall that has the engine open to some alone answers nothing: the engine looks as if it were away. Undefined where it has it open to all. */
function closedError({ name, computers }: MachineRecord, cause: unknown): EngineError | undefined {
  if (computers === undefined || !(cause instanceof EngineError)) return undefined;
  const next = `Its firewall lets in the cluster's masters and ${Object.keys(computers).join(', ')} at the address it was set up from: at another one run "enxame machine provision ${name}"`;
  return new EngineError(`${reasonOf(cause)}. ${next}`, cause.code, cause);
}

function certificateError(name: string, url: string, cause: EngineError): EngineError {
  const host = url.replace(/^\w+:\/\//, '');
  const why = reasonOf(cause);
  const next = `You can attempt to regenerate them using "enxame machine regenerate-certs ${name}"`;
  return new EngineError(
    `There was an error validating certificates for host "${host}": ${why}. ${next}. Containers keep running while it does`,
    'ENGINE_TLS',
    cause,
  );
}
