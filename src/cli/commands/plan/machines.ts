import { reasonOf, UsageError } from '../../../common/errors.ts';
import { printable } from '../../../common/printable.ts';
import type { CreateRequest } from '../../../machine/create.ts';
import type { PlanItem } from '../../../machine/fleet/plan.ts';
import type { MachineDeps } from '../../../machine/machine.ts';
import type { Task } from '../../../provision/provisioner.ts';
import { onEach } from '../machine/each.ts';
import { machineContext, makingContext } from '../machine/surroundings.ts';
import { checkSwarms } from '../machine/swarm-check.ts';
import type { Applying } from './applying.ts';
import { readFleet } from './fleet-candidates.ts';

/** Makes machines of the fleet file; one that an earlier attempt began is gone on with, one that it finished is only started. */
export async function makeMachines(
  names: readonly string[],
  { flags, command, context }: Pick<Applying, 'flags' | 'command' | 'context'>,
): Promise<void> {
  const [{ checkDrivers }, { applyItem }] = await Promise.all([
    import('../../../machine/fleet/check.ts'),
    import('../../../machine/fleet/apply.ts'),
  ]);
  if (flags.fleet === undefined) throw new UsageError('machines are made from a fleet file: give --fleet');
  const fleet = await readFleet(flags.fleet, context.env);
  const making = await makingContext(command, context);
  const there = new Set(await making.store.names());
  const wanted = { ...fleet, machines: fleet.machines.filter(({ name }) => names.includes(name)) };
  await checkDrivers(wanted, (name) => there.has(name), context.env);
  const requests = await checkSwarms(wanted.machines, context);
  await onEach(
    requests.map(({ name }) => name),
    context,
    async (name, task) => {
      const request = requests.find((each) => each.name === name);
      if (request) await applyItem(await itemFor(request, there.has(name), making, task), making, task);
    },
  );
}

async function itemFor(request: CreateRequest, isThere: boolean, making: MachineDeps, task: Task): Promise<PlanItem> {
  const [{ openByName }, { isReady }] = await Promise.all([
    import('../../../machine/machine.ts'),
    import('../../../machine/record.ts'),
  ]);
  const why = 'the plan needs it';
  const { name } = request;
  if (!isThere) return { action: 'create', request, why };
  const { record } = await making.store.load(name);
  if (record.isLeaving) return { action: 'replace', request, why };
  if (!isReady(record)) return { action: 'resume', request, why };
  const machine = await openByName(name, making, task);
  try {
    // It was made before, and is about to become a node.
    return { action: (await machine.driver.state(task.signal)) === 'Stopped' ? 'start' : 'keep', name, why };
  } finally {
    await machine.close();
  }
}

/** Machines that an earlier attempt, or 'enxame machine rm', took out of their cluster and did not remove. */
export async function halfRemoved({ command, context }: Pick<Applying, 'command' | 'context'>): Promise<string[]> {
  const { store } = await machineContext(command, context);
  const found: string[] = [];
  for (const name of await store.names()) {
    const record = (await store.load(name).catch(() => undefined))?.record;
    if (record?.isLeaving && record.driver !== 'none' && !record.swarm?.isMaster) found.push(name);
  }
  return found;
}

/** Removes emptied nodes that are machines kept here, once that is confirmed; says what becomes of the others. Masters are never removed. */
export async function removeMachines(
  names: readonly string[],
  {
    command,
    context,
    confirm,
  }: Pick<Applying, 'command' | 'context'> & { readonly confirm: (text: string) => Promise<boolean> },
): Promise<void> {
  if (names.length === 0) return;
  const machines = await machineContext(command, context);
  const own: string[] = [];
  for (const name of names) {
    const stored = (await machines.store.has(name))
      ? await machines.store.load(name).catch(() => undefined)
      : undefined;
    if (stored && stored.record.swarm?.isMaster !== true && stored.record.driver !== 'none') own.push(name);
    else {
      const why = stored?.record.swarm?.isMaster ? 'it runs a manager' : 'it is no machine of enxame machine here';
      context.err(
        `${printable(name)} is empty and drained, and is left alone (${why}): it takes nothing new and can be given up\n`,
      );
    }
  }
  if (own.length === 0) return;
  if (!(await confirm(`Remove ${own.join(', ')} for good?`))) {
    context.err(`Left: ${own.join(', ')}: empty and drained. 'enxame machine rm' removes them\n`);
    return;
  }
  const [{ removeMachine }, { openByName }] = await Promise.all([
    import('../../../machine/power.ts'),
    import('../../../machine/machine.ts'),
  ]);
  await onEach(own, context, async (name, task) => {
    task.report('removing');
    await removeMachine(name, machines, () => openByName(name, machines, task), false, task).catch((error: unknown) => {
      throw new Error(`${name} is empty, and was not removed: ${reasonOf(error)}`, { cause: error });
    });
  });
}
