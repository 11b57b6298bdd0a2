import { UsageError } from '../../common/errors.ts';
import { type Cloud, cloudDriver, type PowerActions } from '../cloud/cloud-driver.ts';
import { givenBytes } from '../cloud/given-file.ts';
import { expandHome, givenKey, ownKey, ownKeyPath } from '../cloud/key-files.ts';
import { type MachineFirewall, machineFirewall } from '../cloud/machine-firewall.ts';
import { type DriverContext, type DriverModule, defineDriver } from '../driver.ts';
import { assertPossible } from './check.ts';
import { Azure } from './clients.ts';
import { ownFirewall } from './firewall.ts';
import { removeMachine } from './leftovers.ts';
import { namesOf, tagsOf } from './names.ts';
import { azureNeeds } from './needs.ts';
import { ensureGroup, ensureNetwork } from './network.ts';
import { type AzureOptions, options, typedOptions } from './options.ts';
import { ensureVirtualMachine, findServer, USER_DATA } from './virtual-machine.ts';

/** A machine at Microsoft Azure: one virtual machine with its own network parts, in a resource group of its own or a given one. */
export const driver: DriverModule = defineDriver({
  name: 'azure',
  summary: 'a virtual machine at Microsoft Azure',
  options,
  fitsFirewalls: true,
  needs: azureNeeds,
  open: (given) => {
    const context = { ...given, options: typedOptions(given.options) };
    assertConsistent(context);
    return cloudDriver(context, new AzureCloud(context));
  },
});

class AzureCloud implements Cloud {
  readonly provider = 'Microsoft Azure';
  readonly power: PowerActions;
  readonly firewall: MachineFirewall;
  readonly #context: DriverContext<AzureOptions>;
  readonly #azure: Azure;

  constructor(context: DriverContext<AzureOptions>) {
    this.#context = context;
    this.#azure = new Azure(context);
    this.power = powerOf(context, this.#azure);
    const open = context.options['azure-open-port'];
    this.firewall = machineFirewall(context, ownFirewall(context, this.#azure), { open, isV4Only: true });
  }

  async check(signal: AbortSignal): Promise<void> {
    const path = this.#context.options['azure-ssh-key-path'];
    if (path !== undefined) await givenKey(path, 'azure-ssh-key-path');
    await givenBytes(this.#context.options['azure-custom-data'], USER_DATA);
    await assertPossible(this.#context, this.#azure, signal);
  }

  async create(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { options } = this.#context;
    const given = options['azure-ssh-key-path'];
    const key = given === undefined ? await ownKey(this.#context) : await givenKey(given, 'azure-ssh-key-path');
    await ensureGroup(this.#context, this.#azure, signal);
    const cardId = await ensureNetwork(this.#context, this.#azure, this.firewall.ranges, signal);
    await ensureVirtualMachine(this.#context, this.#azure, { cardId, publicKey: key.publicKey }, signal);
  }

  server(_id: string | undefined, signal: AbortSignal): ReturnType<Cloud['server']> {
    return findServer(this.#context, this.#azure, signal);
  }

  remove(signal: AbortSignal): Promise<void> {
    return removeMachine(this.#context, this.#azure, signal);
  }

  ssh(): ReturnType<Cloud['ssh']> {
    const { options, directory } = this.#context;
    const given = options['azure-ssh-key-path'];
    return {
      user: options['azure-ssh-user'],
      port: 22,
      keyPath: given === undefined ? ownKeyPath(directory) : expandHome(given),
    };
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

function powerOf(context: DriverContext<AzureOptions>, azure: Azure): PowerActions {
  const { group } = namesOf(context);
  type Verb = 'beginStart' | 'beginDeallocate' | 'beginPowerOff' | 'beginRestart';
  const power =
    (verb: Verb, more: object = {}) =>
    (vm: string, signal: AbortSignal) =>
      azure.change(
        { action: `${verb.slice('begin'.length)} ${vm}` },
        ({ compute }, send) => compute.virtualMachines[verb](group, vm, { ...send, ...more }),
        signal,
      );
  return {
    start: power('beginStart'),
    // A machine that is only powered off is paid for; deallocated it is not.
    stop: power('beginDeallocate'),
    kill: power('beginPowerOff', { skipShutdown: true }),
    restart: power('beginRestart'),
  };
}

function assertConsistent(context: DriverContext<AzureOptions>): void {
  const { options } = context;
  tagsOf(context);
  const { 'azure-client-id': client, 'azure-client-secret': secret, 'azure-tenant-id': tenant } = options;
  if (secret !== undefined && (client === undefined || tenant === undefined))
    throw new UsageError(
      '--azure-client-secret needs its service principal: give --azure-client-id and --azure-tenant-id too',
    );
  if (options['azure-availability-set'] !== undefined && options['azure-zone'] !== undefined)
    throw new UsageError('--azure-availability-set and --azure-zone exclude each other');
  if (options['azure-availability-set'] !== undefined && options['azure-resource-group'] === undefined)
    throw new UsageError('--azure-availability-set lies in a resource group: give --azure-resource-group too');
}
