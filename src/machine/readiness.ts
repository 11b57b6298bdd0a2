import { ClusterError, DriverError } from '../common/errors.ts';
import { retry } from '../common/retry.ts';
import type { Task } from '../provision/provisioner.ts';
import { ownVersion } from './access.ts';
import { engineUrl, type Machine, type MachineDeps } from './machine.ts';

const RUNNING_WITHIN_MS = 600_000;
const LOOK_EVERY_MS = 1_000;
const ASK_EVERY_MS = 500;

/** Resolves when the machine runs and has an address, which is then in the store. */
export async function waitForAddress(
  machine: Machine,
  { clock }: MachineDeps,
  { signal, report }: Task,
): Promise<void> {
  const { driver, stored } = machine;
  const look = async (): Promise<{ readonly state: string; readonly url: string | undefined }> => {
    const state = await driver.state(signal);
    if (state !== 'Running' && state !== '') return { state, url: undefined };
    const url = await engineUrl(machine, signal).catch((error: unknown) => {
      if (error instanceof ClusterError && error.code === 'NO_ADDRESS') return undefined;
      throw error;
    });
    return { state, url };
  };
  const { state, url } = await retry(clock, look, {
    backoff: LOOK_EVERY_MS,
    until: (found) => found.url !== undefined,
    passes: () => false,
    deadline: clock.now() + RUNNING_WITHIN_MS,
    signal,
    onSetback: (setback) => {
      const seen = 'value' in setback ? setback.value.state : '';
      report(`waiting for the machine to be running (${seen || 'no state'})`);
    },
  });
  if (url === undefined)
    throw new DriverError(`it did not run and have an address within 10 minutes (it is "${state}")`, 'NOT_RUNNING');
  const ip = await driver.ip(signal).catch(() => undefined);
  await stored.update((old) => ({ ...old, address: { url, ...(ip === undefined ? {} : { ip }) } }));
}

/** Resolves when the engine answers with the machine's certificates; tries for `withinMs`, at least once. */
export async function waitForEngine(
  machine: Machine,
  { clock }: MachineDeps,
  { signal }: Task,
  withinMs: number,
): Promise<string> {
  const url = machine.stored.record.address?.url ?? '';
  const ask = (): Promise<string> => ownVersion(machine, url, { timeoutMs: 10_000, signal });
  return await retry(clock, ask, { backoff: ASK_EVERY_MS, deadline: clock.now() + withinMs, signal });
}
