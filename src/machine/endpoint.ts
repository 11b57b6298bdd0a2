import { ClusterError, DriverError, reasonOf, UsageError } from '../common/errors.ts';
import { engineVersion, ownVersion } from './access.ts';
import { engineUrl, type Machine, type MachineDeps, openByName } from './machine.ts';
import { isReplicated, mastersOf } from './masters/role.ts';
import type { MachineRecord } from './record.ts';
import { sshHints } from './ssh-config.ts';
import { managersFor } from './swarm/managers.ts';
import { swarmUrl } from './swarm-url.ts';
import { type CertificateWarning, certificateWarnings, clientFiles } from './trust.ts';

/** Where `docker` is pointed at. */
export interface Endpoint {
  /** `tcp://…` or `ssh://…`. */
  readonly url: string;
  /** Its host alone. */
  readonly host: string;
  /** Folder with ca.pem, cert.pem and key.pem; undefined without TLS. */
  readonly certPath: string | undefined;
}

const CHECK_MS = 10_000;

/** The machine's endpoint, or that of the swarm whose master it is, as the driver says it is now; nothing is asked of the engine. */
export async function endpointOf(machine: Machine, isSwarm: boolean, signal: AbortSignal): Promise<Endpoint> {
  const { stored, driver } = machine;
  const { name } = stored.record;
  const state = await driver.state(signal);
  if (state !== 'Running' && state !== '')
    throw new DriverError(
      `Host is not running: it is ${state}. Start it with "enxame machine start ${name}"`,
      'NOT_RUNNING',
    );
  const own = await engineUrl(machine, signal);
  const url = isSwarm ? swarmUrl(stored.record, own) : own;
  if (url === undefined)
    throw new UsageError(
      `"${name}" is not a swarm master. The --swarm flag is intended for use with swarm masters`,
      'NO_SWARM_MASTER',
    );
  const hasTls = !url.startsWith('ssh:') && (await clientFiles(stored)) !== undefined;
  const host = /^\w+:\/\/(?:[^@/]*@)?(\[[^\]]+\]|[^:/]+)/.exec(url)?.[1] ?? '';
  return { url, host: host.replace(/^\[(.*)\]$/, '$1'), certPath: hasTls ? stored.tlsFolder : undefined };
}

/**
 * As {@link endpointOf}, after making sure that something answers there with good certificates. A swarm that is not up yet is only
 * a warning: its certificates are the engine's.
 */
export async function checkedEndpoint(
  name: string,
  isSwarm: boolean,
  context: MachineDeps,
  signal: AbortSignal,
): Promise<CheckedEndpoint> {
  const { record } = await context.store.load(name);
  const isOneOfSeveral = isSwarm && isReplicated(record);
  return isOneOfSeveral ? await anyManager(record, context, signal) : await checkOne(name, isSwarm, context, signal);
}

/** The endpoint of a master whose manager answers: the one that was asked for, if it does, else another one of its cluster. */
async function anyManager(record: MachineRecord, context: MachineDeps, signal: AbortSignal): Promise<CheckedEndpoint> {
  const managers = await managersFor(record, context);
  const others = (await mastersOf(record, context)).filter((each) => each.name !== record.name && isReplicated(each));
  let asked: CheckedEndpoint | undefined;
  let failure: unknown;
  for (const { name } of [record, ...others]) {
    const checked = await checkOne(name, true, context, signal).catch((error: unknown) => {
      failure ??= error;
      return undefined;
    });
    signal.throwIfAborted();
    if (checked?.isUp) {
      const why = `the manager of "${record.name}" does not answer: this is the way to that of "${name}"`;
      return { ...checked, managers, warnings: [...(name === record.name ? [] : [why]), ...checked.warnings] };
    }
    asked ??= checked && { ...checked, managers };
  }
  if (asked) return asked;
  throw failure;
}

/** An endpoint that was looked at. */
export interface CheckedEndpoint {
  readonly endpoint: Endpoint;
  /** The machine it leads to. */
  readonly name: string;
  readonly warnings: readonly string[];
  /** Whether something answered there; for a swarm its manager. */
  readonly isUp: boolean;
  /** `host:port` of all managers, where there are several. */
  readonly managers?: readonly string[];
}

async function checkOne(
  name: string,
  isSwarm: boolean,
  context: MachineDeps,
  signal: AbortSignal,
): Promise<CheckedEndpoint> {
  const machine = await openByName(name, context);
  try {
    const endpoint = await endpointOf(machine, isSwarm, signal);
    const remarks = await certificateWarnings(machine.stored, context.clock.now());
    const warnings = remarks.map(({ text }) => text);
    const own = await engineUrl(machine, signal);
    const isOwnWay = machine.stored.record.reach === 'ssh';
    const hints = endpoint.url.startsWith('ssh:') ? await sshHints(machine, context, signal) : [];
    if (own.startsWith('ssh:') && !isOwnWay) return { endpoint, name, warnings: [...warnings, ...hints], isUp: true };
    const options = { timeoutMs: CHECK_MS, signal };
    await ownVersion(machine, own, options).catch((error: unknown) => {
      throw connectionError(error, remarks);
    });
    if (!isSwarm) return { endpoint, name, warnings: [...warnings, ...hints], isUp: true };
    const problem = await engineVersion(machine.stored, endpoint.url, options).then(
      () => [],
      (error: unknown) => [
        `Connection to Swarm cannot be checked but the certs are valid. Maybe swarm is not started (${reasonOf(error)})`,
      ],
    );
    return { endpoint, name, warnings: [...warnings, ...problem], isUp: problem.length === 0 };
  } finally {
    await machine.close();
  }
}

function connectionError(error: unknown, remarks: readonly CertificateWarning[]): unknown {
  if (!(error instanceof ClusterError)) return error;
  const expired =
    error.code === 'ENGINE_TLS' ? remarks.find(({ validity }) => validity.status === 'expired') : undefined;
  return new DriverError(`Error checking TLS connection: ${expired?.text ?? error.message}`, error.code, error);
}
