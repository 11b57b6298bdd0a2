import { createHash } from 'node:crypto';
import type { Change } from '../driver.ts';
import { DriverError } from '../errors.ts';
import { readInfo, type VBoxManage } from './vbox-manage.ts';

/** Under which a machine's address is kept with it. */
const ADDRESS_KEY = 'enxame/address';
const FIRST_HOST = 100;
const HOSTS = 150;

/** Name of the host-only interface with that address of this computer, made when there is none; all machines share it. */
export async function hostOnlyInterface(
  vbox: VBoxManage,
  cidr: string,
  change: Change,
  signal: AbortSignal,
): Promise<string> {
  const address = cidr.split('/')[0] ?? '';
  const found = interfaces(await vbox(['list', 'hostonlyifs'], signal)).find(
    (each) => each.get('IPAddress') === address,
  );
  const name = found?.get('Name');
  if (name !== undefined) return name;
  const make = async (): Promise<string> => {
    const created = /'([^']+)'/.exec(await vbox(['hostonlyif', 'create'], signal))?.[1];
    if (created === undefined)
      throw new DriverError('VBoxManage made a host-only interface without a name', 'VBOXMANAGE');
    await vbox(['hostonlyif', 'ipconfig', created, '--ip', address, '--netmask', '255.255.255.0'], signal);
    return created;
  };
  return await change({ action: 'VBoxManage hostonlyif create', parameters: { address } }, make, '<vboxnet>');
}

function interfaces(text: string): readonly ReadonlyMap<string, string>[] {
  return text.split(/\r?\n\s*\r?\n/).map(readInfo);
}

/** The address a machine was given; undefined before that. */
export async function keptAddress(vbox: VBoxManage, vm: string, signal: AbortSignal): Promise<string | undefined> {
  const value = readInfo(await vbox(['getextradata', vm, ADDRESS_KEY], signal)).get('Value');
  return value === undefined || value === '' ? undefined : value;
}

/** Keeps a machine's address with it. */
export async function keepAddress(vbox: VBoxManage, vm: string, address: string, signal: AbortSignal): Promise<void> {
  await vbox(['setextradata', vm, ADDRESS_KEY, address], signal);
}

/** An address in the network of `cidr` that no machine has; the same for the same machine, where it is free. */
export async function freeAddress(vbox: VBoxManage, cidr: string, id: string, signal: AbortSignal): Promise<string> {
  const used = new Set<string>();
  for (const [, vm = ''] of (await vbox(['list', 'vms'], signal)).matchAll(/\{([0-9a-f-]+)\}/g)) {
    const address = await keptAddress(vbox, vm, signal).catch(() => undefined);
    if (address !== undefined) used.add(address);
  }
  const prefix = cidr.slice(0, cidr.lastIndexOf('.') + 1);
  const start = createHash('sha256').update(id).digest().readUInt16BE(0) % HOSTS;
  for (let step = 0; step < HOSTS; step += 1) {
    const address = `${prefix}${FIRST_HOST + ((start + step) % HOSTS)}`;
    if (!used.has(address)) return address;
  }
  throw new DriverError(
    `all addresses of ${cidr} are taken: give another --virtualbox-hostonly-cidr`,
    'NO_ADDRESS_LEFT',
  );
}
