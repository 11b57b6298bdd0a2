import { SERVER } from '../cloud/cloud-driver.ts';
import { type RemovableKind, removeAll } from '../cloud/removal.ts';
import type { DriverContext } from '../driver.ts';
import type { Azure, AzureClients } from './clients.ts';
import { SECURITY_GROUP } from './firewall.ts';
import { namesOf } from './names.ts';
import type { AzureOptions } from './options.ts';

type Send = { readonly abortSignal: AbortSignal };
type Collection = {
  get(group: string, name: string, options: Send): Promise<unknown>;
  beginDelete(group: string, name: string, options: Send): Promise<{ poll(): Promise<unknown>; isDone(): boolean }>;
};

/** Removes all of a machine: its own resource group whole, or its parts in a given one, what uses others first. */
export async function removeMachine(
  context: DriverContext<AzureOptions>,
  azure: Azure,
  signal: AbortSignal,
): Promise<void> {
  const names = namesOf(context);
  const part = (kind: string, name: string, of: (clients: AzureClients) => Collection): RemovableKind => ({
    kind,
    list: async () =>
      (await azure.find((clients, send) => of(clients).get(names.group, name, send), signal)) === undefined
        ? []
        : [name],
    remove: () =>
      azure.delete(
        { action: `DELETE ${kind} ${name}` },
        (clients, send) => of(clients).get(names.group, name, send),
        (clients, send) => of(clients).beginDelete(names.group, name, send),
        signal,
      ),
  });
  if (names.isOwnGroup) {
    await removeAll(context, [groupOf(azure, names.group, signal)], signal);
    // It took everything with it.
    for (const resource of context.journal.resources) await context.journal.forget(resource);
    return;
  }
  await removeAll(
    context,
    [
      part(SERVER, names.vm, ({ compute }) => compute.virtualMachines),
      part('disk', names.disk, ({ compute }) => compute.disks),
      part('network-card', names.nic, ({ network }) => network.networkInterfaces),
      part('address', names.address, ({ network }) => network.publicIPAddresses),
      part('network', names.network, ({ network }) => network.virtualNetworks),
      part(SECURITY_GROUP, names.securityGroup, ({ network }) => network.networkSecurityGroups),
    ],
    signal,
  );
}

function groupOf(azure: Azure, name: string, signal: AbortSignal): RemovableKind {
  const get = ({ resources }: AzureClients, send: Send): Promise<unknown> => resources.resourceGroups.get(name, send);
  return {
    kind: 'resource-group',
    list: async () => ((await azure.find(get, signal)) === undefined ? [] : [name]),
    remove: () =>
      azure.delete(
        { action: `DELETE resourceGroups/${name}` },
        get,
        ({ resources }, send) => resources.resourceGroups.beginDelete(name, send),
        signal,
      ),
  };
}
