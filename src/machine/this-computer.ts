import { hostname } from 'node:os';
import type { Provisioner, Task } from '../provision/provisioner.ts';
import { fitFirewalls } from './firewalls.ts';
import type { Machine, MachineDeps } from './machine.ts';
import { clusterOf } from './swarm/managers.ts';

/** Of more computers that one machine was set up from, the first ones have to set it up again. */
const MOST_COMPUTERS = 16;

/**
 * Lets this computer in at the engine of a machine, whose firewall has it open to the cluster's masters and such computers alone. The machine tells the
 * address, over SSH, which is open to everywhere. Nothing happens where the engine is open to everywhere: of a cluster without a master in this store
 * nobody knows the managers.
 *
 * @param isSetUp the machine is set up now: its engine is closed to others from here on
 */
export async function letThisComputerIn(
  machine: Machine,
  provisioner: Provisioner | undefined,
  { context, task, isSetUp }: { readonly context: MachineDeps; readonly task: Task; readonly isSetUp: boolean },
): Promise<void> {
  const { stored, module } = machine;
  const { swarm, computers, engine } = stored.record;
  // Nobody reaches it at a port.
  if (stored.record.reach === 'ssh') return;
  if (swarm === undefined || !module.fitsFirewalls || !provisioner?.clientAddress) return;
  if (computers === undefined && !isSetUp) return;
  const masters = (await clusterOf(stored.record, context)).filter((each) => each.swarm?.isMaster && !each.isLeaving);
  if (computers === undefined && masters.length === 0) return;
  const address = await provisioner.clientAddress(task);
  const me = hostname();
  if (address === undefined || computers?.[me] === address) return;
  const others = Object.entries(computers ?? {}).filter(([name]) => name !== me);
  const known = [...others.slice(1 - MOST_COMPUTERS), [me, address] as const];
  await stored.update((old) => ({ ...old, computers: Object.fromEntries(known) }));
  await fitFirewalls(stored.record, context, task, machine, 'own');
  const names = [...masters.map(({ name }) => name), ...others.map(([name]) => name), `this computer (${address})`];
  task.report(
    `its firewall, where it has one of its own, lets in at ${engine.port}/tcp: ${names.join(', ')}, and what was asked for with --${module.name}-open-port`,
  );
}
