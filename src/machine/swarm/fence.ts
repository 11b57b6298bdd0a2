import { MESH_PEER } from '../../agent/peer-place.ts';
import { reasonOf } from '../../common/errors.ts';
import { FENCE_PEER_PORT } from '../../common/kept-ports.ts';
import type { FenceAgentSpec, Provisioner, Task } from '../../provision/provisioner.ts';
import { about, onAnother } from '../another.ts';
import type { Machine, MachineDeps } from '../machine.ts';
import { isReady, type MachineRecord } from '../record.ts';
import type { StoredMachine } from '../store.ts';
import { advertised, enginePort, isOfFence } from './entry.ts';
import { agentProgram, endAgent } from './host-agent.ts';
import { clusterOf, isFenced, isMeshed, managersFor, withoutPort } from './managers.ts';
import { keepMesh } from './mesh.ts';

/**
 * Makes the agent that ends strict containers run beside the machine's engine, and renew with the managers that are known here. On a
 * master, machines of its cluster that did not know it yet get theirs too. Where there is nothing to renew with, none runs.
 */
export async function keepFence(
  machine: Machine,
  provisioner: Provisioner | undefined,
  context: MachineDeps,
  task: Task,
): Promise<void> {
  await keepOwn(machine, provisioner, context, task);
  if (machine.stored.record.swarm?.isMaster) await tellOthers(machine.stored, context, task);
}

async function keepOwn(
  machine: Machine,
  provisioner: Provisioner | undefined,
  context: MachineDeps,
  task: Task,
): Promise<void> {
  const { stored } = machine;
  if (provisioner?.keepFenceAgent === undefined) return;
  const managers = await managersFor(stored.record, context);
  if (managers.length === 0 || !stored.record.swarm?.isMember) {
    if (stored.record.fence !== undefined) await provisioner.keepFenceAgent(undefined, task);
    return await stored.update(({ fence: _over, ...old }) => old);
  }
  task.report('starting the agent that ends strict containers');
  await provisioner.keepFenceAgent(await specOf(machine, provisioner, managers, context, task), task);
  await stored.update((old) => ({ ...old, fence: managers }));
}

async function specOf(
  machine: Machine,
  { certificatePaths: files }: Provisioner,
  managers: readonly string[],
  context: MachineDeps,
  task: Task,
): Promise<FenceAgentSpec> {
  const { stored, driver } = machine;
  const { record } = stored;
  const ip = record.address?.ip ?? (await driver.ip(task.signal));
  const swarm = { ...(record.swarm?.addr !== undefined && { addr: withoutPort(record.swarm.addr) }) };
  const isMesh = record.swarm?.isMesh === true;
  const peer = isMesh ? `${MESH_PEER}:${FENCE_PEER_PORT}` : advertised(swarm, ip, FENCE_PEER_PORT);
  const args = [
    'join',
    ...managers.flatMap((manager) => ['--fence', manager]),
    ...['--fence-engine', 'unix:///run/docker.sock', '--fence-peer', peer],
    ...['--tlscacert', files.ca, '--tlscert', files.cert, '--tlskey', files.key],
    ...(record.swarm?.joinOptions ?? []).filter(isOfFence).map((option) => `--${option.replace(/^--/, '')}`),
    // It registers nothing: another agent does, where discovery is no list.
    `nodes://${advertised(swarm, ip, enginePort(record))}`,
  ];
  return { args, port: isMesh ? undefined : FENCE_PEER_PORT, ...(await agentProgram(machine, context, task)) };
}

/** Machines whose agents, of the mesh too, do not know the managers that there are now. One that another enxame works on is named instead. */
export async function tellOthers(
  master: Pick<StoredMachine, 'record'>,
  context: MachineDeps,
  task: Task,
): Promise<void> {
  const others = (await clusterOf(master.record, context)).filter((record) => record.name !== master.record.name);
  for (const { name } of others.filter(isReady)) {
    try {
      await tell(name, context, task);
    } catch (error) {
      task.signal.throwIfAborted();
      const next = `run "enxame machine provision ${name}" later`;
      task.report(`the agents of ${name} do not know the managers there are now (${reasonOf(error)}): ${next}`);
    }
  }
}

async function tell(name: string, context: MachineDeps, task: Task): Promise<void> {
  const stored = await context.store.load(name);
  if (await isTold(stored.record, context)) return;
  const lock = await context.store.lock(name, 'create', task.signal);
  try {
    await onAnother(name, context, async (machine, provisioner) => {
      if (await isTold(machine.stored.record, context)) return;
      await keepMesh(machine, provisioner, context, about(name, task));
      await keepOwn(machine, provisioner, context, about(name, task));
    });
  } finally {
    await lock.close();
  }
}

async function isTold(record: MachineRecord, context: MachineDeps): Promise<boolean> {
  return (await isFenced(record, context)) && (await isMeshed(record, context));
}

/** Takes the agent off a machine that is to be removed, which may live on without us. Bounded; never rejects but when told to end. */
export async function endFence(machine: Machine, task: Task): Promise<void> {
  if (machine.stored.record.fence === undefined) return;
  await endAgent(
    machine,
    'its fencing agent',
    (provisioner, each) => provisioner.keepFenceAgent?.(undefined, each),
    task,
  );
}
