import type { VirtualMachine } from '@azure/arm-compute';
import { type CloudServer, SERVER } from '../cloud/cloud-driver.ts';
import { ensureMade } from '../cloud/ensure.ts';
import { givenBytes, type UserDataFlag } from '../cloud/given-file.ts';
import type { DriverContext } from '../driver.ts';
import type { MachineState } from '../state.ts';
import type { Azure } from './clients.ts';
import { isRefusal } from './errors.ts';
import { armId, namesOf, tagsOf } from './names.ts';
import type { AzureOptions } from './options.ts';

type Context = DriverContext<AzureOptions>;

const STATES: Readonly<Record<string, MachineState>> = {
  starting: 'Starting',
  running: 'Running',
  stopping: 'Stopping',
  stopped: 'Stopped',
  deallocating: 'Stopping',
  deallocated: 'Stopped',
};

/** Makes the virtual machine; asking for its name twice makes it once. */
export async function ensureVirtualMachine(
  context: Context,
  azure: Azure,
  { cardId, publicKey }: { cardId: string; publicKey: string },
  signal: AbortSignal,
): Promise<void> {
  const { group, vm } = namesOf(context);
  const body = await vmRequest(context, cardId, publicKey);
  const make = async (): Promise<{ id: string }> => {
    context.report('making the virtual machine');
    const osProfile = {
      ...body.osProfile,
      ...(body.osProfile?.customData === undefined ? {} : { customData: '<file>' }),
    };
    await azure.change(
      { action: `PUT virtual machine ${vm}`, parameters: { ...body, osProfile } },
      ({ compute }, options) => compute.virtualMachines.beginCreateOrUpdate(group, vm, body, options),
      signal,
    );
    return { id: vm };
  };
  await ensureMade(context, SERVER, { make }, isRefusal);
}

/** What Azure takes as user data. */
export const USER_DATA: UserDataFlag = { flag: 'azure-custom-data', maxBytes: 65_535 };

async function vmRequest(context: Context, cardId: string, publicKey: string): Promise<VirtualMachine> {
  const { options, name } = context;
  const { group, disk } = namesOf(context);
  const { 'azure-zone': zone, 'azure-availability-set': set, 'azure-custom-data': data } = options;
  const content = await givenBytes(data, USER_DATA);
  const user = options['azure-ssh-user'];
  return {
    location: options['azure-location'],
    tags: tagsOf(context),
    hardwareProfile: { vmSize: options['azure-size'] },
    storageProfile: {
      imageReference: imageReference(options['azure-image']),
      osDisk: {
        name: disk,
        createOption: 'FromImage',
        managedDisk: { storageAccountType: options['azure-storage-type'] },
        deleteOption: 'Delete',
      },
    },
    osProfile: {
      // A host name without dots, which Azure refuses.
      computerName: name.replace(/\./g, '-').slice(0, 63),
      adminUsername: user,
      linuxConfiguration: {
        disablePasswordAuthentication: true,
        ssh: { publicKeys: [{ path: `/home/${user}/.ssh/authorized_keys`, keyData: publicKey }] },
      },
      ...(content === undefined ? {} : { customData: content.toString('base64') }),
    },
    networkProfile: { networkInterfaces: [{ id: cardId, primary: true, deleteOption: 'Delete' }] },
    ...(zone === undefined ? {} : { zones: [zone] }),
    ...(set === undefined
      ? {}
      : { availabilitySet: { id: armId(context, group, 'Microsoft.Compute', 'availabilitySets', set) } }),
  };
}

/** `publisher:offer:sku:version`, or an image's identifier. */
export function imageReference(text: string): {
  publisher?: string;
  offer?: string;
  sku?: string;
  version?: string;
  id?: string;
} {
  if (text.startsWith('/')) return { id: text };
  const [publisher = '', offer = '', sku = '', version = ''] = text.split(':');
  return { publisher, offer, sku, version };
}

/** The machine at Azure; undefined when there is none. */
export async function findServer(
  context: Context,
  azure: Azure,
  signal: AbortSignal,
): Promise<CloudServer | undefined> {
  const { group, vm } = namesOf(context);
  const found = await azure.find(
    ({ compute }, send) => compute.virtualMachines.get(group, vm, { ...send, expand: 'instanceView' }),
    signal,
  );
  if (found === undefined) return undefined;
  const power = found.instanceView?.statuses?.find(({ code }) => code?.startsWith('PowerState/'))?.code;
  const word = power?.slice('PowerState/'.length) ?? found.provisioningState ?? '';
  const [zone] = found.zones ?? [];
  return {
    id: vm,
    state: STATES[word] ?? (found.provisioningState === 'Failed' ? 'Error' : 'Starting'),
    word,
    address: await addressOf(context, azure, signal),
    labels: {
      region: found.location,
      ...(zone === undefined ? {} : { zone }),
      'instance-type': found.hardwareProfile?.vmSize ?? context.options['azure-size'],
    },
  };
}

async function addressOf(context: Context, azure: Azure, signal: AbortSignal): Promise<string | undefined> {
  const { options } = context;
  const { group, address, nic } = namesOf(context);
  if (options['azure-use-private-ip'] || options['azure-no-public-ip']) {
    const card = await azure.find(({ network }, send) => network.networkInterfaces.get(group, nic, send), signal);
    return card?.ipConfigurations?.[0]?.privateIPAddress;
  }
  const found = await azure.find(({ network }, send) => network.publicIPAddresses.get(group, address, send), signal);
  return found?.ipAddress;
}
