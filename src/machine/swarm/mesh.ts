import type { MeshAgentSpec, Provisioner, Task } from '../../provision/provisioner.ts';
import type { Machine, MachineDeps } from '../machine.ts';
import { meshPort, meshPublic } from '../mesh-port.ts';
import { agentEntry, hasAgent, isOfFence } from './entry.ts';
import { agentProgram, endAgent } from './host-agent.ts';
import { managersToDial } from './managers.ts';

/**
 * Makes the agent run on the machine that dials its managers and takes it into the mesh, before the engine at every start. Where no manager is known
 * yet it is told: the first one that is made here brings it.
 */
export async function keepMesh(
  machine: Machine,
  provisioner: Provisioner | undefined,
  context: MachineDeps,
  task: Task,
): Promise<void> {
  const { stored } = machine;
  const { swarm, mesh } = stored.record;
  if (provisioner?.keepMeshAgent === undefined) return;
  if (!swarm?.isMesh || !swarm.isMember) {
    if (mesh === undefined) return;
    await provisioner.keepMeshAgent(undefined, task);
    return await stored.update(({ mesh: _over, ...old }) => old);
  }
  const managers = await managersToDial(stored.record, context);
  if (managers.length === 0) {
    task.report(
      'it is not in the mesh yet, as no manager of its cluster is known here: it comes in with the first one that is made; or name one with --swarm-join-opt mesh=HOST:PORT',
    );
    return;
  }
  task.report('taking it into the mesh');
  await provisioner.keepMeshAgent(await specOf(machine, provisioner, managers, context, task), task);
  await stored.update((old) => ({ ...old, mesh: managers }));
}

async function specOf(
  machine: Machine,
  { certificatePaths: files }: Provisioner,
  managers: readonly string[],
  context: MachineDeps,
  task: Task,
): Promise<MeshAgentSpec> {
  const { record } = machine.stored;
  const { swarm } = record;
  const reached = meshPublic(record);
  const others = (swarm?.joinOptions ?? []).filter((option) => !isOfFence(option) && !/^(--)?mesh=/.test(option));
  const args = [
    'join',
    ...managers.flatMap((manager) => ['--mesh', manager]),
    ...(reached === undefined ? [] : ['--mesh-public', reached]),
    ...['--dial-engine', 'unix:///run/docker.sock', '--advertise', agentEntry(record)],
    ...['--tlscacert', files.ca, '--tlscert', files.cert, '--tlskey', files.key],
    ...(swarm?.discoveryOptions ?? []).flatMap((option) => ['--discovery-opt', option]),
    ...others.map((option) => `--${option.replace(/^--/, '')}`),
    // A list names it by itself.
    ...(swarm !== undefined && hasAgent(swarm) ? [swarm.discovery] : []),
  ];
  return { args, port: meshPort(record), ...(await agentProgram(machine, context, task)) };
}

/** Takes the agent, its key and its interface off a machine that is to be removed, which may live on without us. Bounded; never rejects but when told to end. */
export async function endMesh(machine: Machine, task: Task): Promise<void> {
  if (machine.stored.record.mesh === undefined) return;
  await endAgent(
    machine,
    'its agent in the mesh',
    (provisioner, each) => provisioner.keepMeshAgent?.(undefined, each),
    task,
  );
}
