import { type MachineDeps, managerPort } from '../machine.ts';
import { isReady, type MachineRecord } from '../record.ts';
import { advertised } from '../swarm/entry.ts';
import { clusterOf, withoutPort } from '../swarm/managers.ts';
import { ETCD_PORTS, hasOwnStore } from './own-store.ts';

/** How a manager takes part among several. */
export interface ReplicationPlan {
  /** The store to share, `etcd://10.0.0.1:2379,…`; undefined: that of its discovery. */
  readonly store: string | undefined;
  /** `host:port` where the other managers reach this one. */
  readonly advertise: string;
}

/** Whether the machine's manager is, or is to be, one of several; by its record alone. */
export function isReplicated({ replicated }: MachineRecord): boolean {
  return replicated === true;
}

/** Whether the machine shares something with other masters that it is to be taken out of; a create that was cut off may have come no further than its server. */
export function hasShare(record: MachineRecord): boolean {
  return isReplicated(record) || record.etcd !== undefined;
}

/** Whether the machine's manager was started once; before that nothing of it is to be counted on. */
export function isSettled(record: MachineRecord): boolean {
  return record.replicated !== undefined || isReady(record);
}

/** The masters of a machine's cluster that are to stay, by name, itself included. */
export async function mastersOf(
  record: MachineRecord,
  context: Pick<MachineDeps, 'store'>,
): Promise<readonly MachineRecord[]> {
  if (record.swarm === undefined) return [];
  const found = await clusterOf(record, context);
  return found.filter(({ swarm, isLeaving }) => swarm?.isMaster === true && isLeaving !== true);
}

/** Masters of this store that have another discovery, by name: they do not stand in for this one, whether that was meant or not. */
export async function mastersApart(
  { swarm }: MachineRecord,
  { store }: Pick<MachineDeps, 'store'>,
): Promise<readonly string[]> {
  const found = await Promise.all((await store.names()).map((name) => store.load(name).catch(() => undefined)));
  return found.flatMap((each) => {
    const theirs = each?.record.swarm;
    return each && theirs?.isMaster && theirs.discovery !== swarm?.discovery ? [each.record.name] : [];
  });
}

/** Where others reach a master, without a port; undefined before it has an address. */
export function hostOf({ swarm, address }: MachineRecord): string | undefined {
  return swarm?.addr === undefined ? address?.ip : withoutPort(swarm.addr);
}

/** How the manager of a master takes part among several; undefined for one that is alone. */
export async function replicationOf(
  record: MachineRecord,
  context: Pick<MachineDeps, 'store'>,
): Promise<ReplicationPlan | undefined> {
  const { swarm } = record;
  if (swarm === undefined || !isReplicated(record)) return undefined;
  const advertise = advertised(swarm, record.address?.ip ?? '', managerPort(swarm.host));
  if (hasOwnStore(swarm)) return { store: undefined, advertise };
  // One that is still being made is named too: it is tried in vain until it is there, and nobody needs to be told of it then.
  const servers = (await mastersOf(record, context)).flatMap((each) => {
    const host = hostOf(each);
    return host === undefined ? [] : [advertised({}, host, ETCD_PORTS.client)];
  });
  return { store: `etcd://${servers.join(',')}`, advertise };
}
