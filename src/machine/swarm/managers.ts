import { type MachineDeps, managerPort } from '../machine.ts';
import type { MachineRecord } from '../record.ts';
import { advertised } from './entry.ts';

/** Whether the machine's agent renews with the managers that are known here; true where none is needed or can be had. */
export async function isFenced(record: MachineRecord, context: Pick<MachineDeps, 'store'>): Promise<boolean> {
  if (record.swarm === undefined || record.authority === undefined) return true;
  const managers = record.swarm.isMember ? await managersFor(record, context) : [];
  return managers.join() === (record.fence ?? []).join();
}

/** Whether the machine's agent in the mesh dials the managers that are known here; true for a machine that is to be in none. */
export async function isMeshed(record: MachineRecord, context: Pick<MachineDeps, 'store'>): Promise<boolean> {
  if (!record.swarm?.isMesh || !record.swarm.isMember) return true;
  const managers = await managersToDial(record, context);
  return managers.length === 0 || managers.join() === (record.mesh ?? []).join();
}

/** The managers that a machine's agent in the mesh dials: those that are known here, and those that `--swarm-join-opt mesh=…` names. */
export async function managersToDial(
  record: MachineRecord,
  context: Pick<MachineDeps, 'store'>,
): Promise<readonly string[]> {
  const named = (record.swarm?.joinOptions ?? []).flatMap((option) => /^(?:--)?mesh=(.+)$/.exec(option)?.[1] ?? []);
  return [...new Set([...(await managersFor(record, context)), ...named])];
}

/** `host:port` of the managers of a machine's cluster, as far as they have an address. */
export async function managersFor(
  record: MachineRecord,
  context: Pick<MachineDeps, 'store'>,
): Promise<readonly string[]> {
  const found = await clusterOf(record, context);
  return found.flatMap(({ swarm, address }) => {
    const host = swarm?.addr === undefined ? address?.ip : withoutPort(swarm.addr);
    return swarm?.isMaster && host !== undefined ? [advertised({}, host, managerPort(swarm.host))] : [];
  });
}

/** The machines of a machine's cluster, itself included, by name. */
export async function clusterOf(
  record: MachineRecord,
  { store }: Pick<MachineDeps, 'store'>,
): Promise<readonly MachineRecord[]> {
  const names = await store.names();
  const found = await Promise.all(names.map((name) => store.load(name).catch(() => undefined)));
  return found.flatMap((each) =>
    each?.record.swarm?.discovery === record.swarm?.discovery ? (each?.record ?? []) : [],
  );
}

/** An address as `--swarm-addr` has it, without its port. */
export function withoutPort(address: string): string {
  return address.replace(/(\]|^[^:]*):\d+$/, '$1');
}
