import { ClusterError, reasonOf } from '../common/errors.ts';
import type { MachineState } from '../drivers/state.ts';
import { ownVersion } from './access.ts';
import { engineUrl, type Machine, type MachineDeps, openByName } from './machine.ts';
import { type ManagerRole, roleOf } from './masters/manager-role.ts';
import { isReplicated } from './masters/role.ts';
import { isReady, type MachineRecord } from './record.ts';
import { isFenced, isMeshed } from './swarm/managers.ts';
import { certificateWarnings } from './trust.ts';

/** What `ls` knows about one machine. */
export interface MachineStatus {
  readonly name: string;
  /** Undefined when its file cannot be read. */
  readonly record: MachineRecord | undefined;
  readonly state: MachineState;
  readonly url: string;
  /** Docker's version, when the engine answers. */
  readonly version: string | undefined;
  /** Of its manager, where that is one of several and answers. */
  readonly role?: ManagerRole | undefined;
  /** What the person should know, most urgent first; empty when all is well. */
  readonly problems: readonly string[];
  readonly responseMs: number;
}

/** Asks one machine how it is; never rejects, and takes no longer than `timeoutMs`. */
export async function statusOf(name: string, context: MachineDeps, timeoutMs: number): Promise<MachineStatus> {
  const startedMs = context.clock.now();
  const seen: { record?: MachineRecord; state: MachineState; url: string } = { state: '', url: '' };
  const timeout = AbortSignal.timeout(timeoutMs);
  const late = new Promise<never>((_resolve, reject) => {
    timeout.addEventListener('abort', () => reject(new Error('timeout')), { once: true });
  });
  const result = (
    state: MachineState,
    problems: readonly string[],
    { version, role }: { readonly version?: string; readonly role?: ManagerRole } = {},
  ): MachineStatus => ({
    name,
    role,
    record: seen.record,
    state,
    url: seen.url,
    version,
    problems,
    responseMs: context.clock.now() - startedMs,
  });
  try {
    const { problems, ...more } = await Promise.race([look(name, context, seen, timeout), late]);
    return result(seen.state, problems, more);
  } catch (error) {
    if (timeout.aborted) return result('Timeout', [`no answer within ${Math.round(timeoutMs / 1000)} s`]);
    return result('Error', [reasonOf(error)]);
  }
}

async function look(
  name: string,
  context: MachineDeps,
  seen: { record?: MachineRecord; state: MachineState; url: string },
  signal: AbortSignal,
): Promise<{ problems: readonly string[]; version?: string; role?: ManagerRole }> {
  const stored = await context.store.load(name);
  seen.record = stored.record;
  if (!isReady(stored.record))
    return { problems: [unfinished(stored.record)], ...(await stateOnly(name, context, seen, signal)) };
  const machine = await openByName(name, context);
  try {
    const remarks = await certificateWarnings(stored, context.clock.now());
    const warnings = remarks.map(({ text }) => text);
    if (stored.record.isLeaving) warnings.push(`its removal was cut off: repeat "enxame machine rm ${name}" to go on`);
    if (!(await isFenced(stored.record, context)))
      warnings.push(
        `its agent that ends strict containers does not know the managers: enxame machine provision ${name}`,
      );
    if (!(await isMeshed(stored.record, context)))
      warnings.push(`its agent in the mesh does not know the managers: enxame machine provision ${name}`);
    const hasExpired = remarks.some(({ validity }) => validity.status === 'expired');
    seen.state = await machine.driver.state(signal);
    if (seen.state !== 'Running' && seen.state !== '') return { problems: warnings };
    seen.url = await engineUrl(machine, signal);
    const role = isReplicated(stored.record)
      ? roleOf(stored, signal).then(
          (found) => found.role,
          () => undefined,
        )
      : undefined;
    const version = await ownVersion(machine, seen.url, { timeoutMs: 9_500, signal }).catch((error: unknown) => {
      // What the engine refuses was said already, with what helps.
      const isSaid = hasExpired && error instanceof ClusterError && error.code === 'ENGINE_TLS';
      if (!isSaid) warnings.push(reasonOf(error));
      return undefined;
    });
    const known = await role;
    return { problems: warnings, ...(version === undefined ? {} : { version }), ...(known && { role: known }) };
  } finally {
    await machine.close();
  }
}

/** For a machine whose create was cut off: as far as its provider knows it. */
async function stateOnly(
  name: string,
  context: MachineDeps,
  seen: { state: MachineState },
  signal: AbortSignal,
): Promise<object> {
  let machine: Machine | undefined;
  try {
    machine = await openByName(name, context);
    seen.state = await machine.driver.state(signal);
  } catch (error) {
    seen.state = 'Error';
    if (!(error instanceof ClusterError)) throw error;
  } finally {
    await machine?.close();
  }
  return {};
}

function unfinished({ name, failure, steps }: MachineRecord): string {
  const why =
    failure === undefined
      ? `stopped after "${steps.at(-1) ?? 'nothing'}"`
      : `failed at "${failure.step}": ${failure.reason}`;
  return `not finished (${why}): repeat its create to go on, or "enxame machine rm ${name}"`;
}
