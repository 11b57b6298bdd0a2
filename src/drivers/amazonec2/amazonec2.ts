import { UsageError } from '../../common/errors.ts';
import { type Cloud, cloudDriver, type PowerActions } from '../cloud/cloud-driver.ts';
import { expandHome, givenKey, ownKey, ownKeyPath } from '../cloud/key-files.ts';
import { type MachineFirewall, machineFirewall } from '../cloud/machine-firewall.ts';
import { type DriverContext, type DriverModule, defineDriver } from '../driver.ts';
import { Ec2Client } from './client.ts';
import { ownFirewall } from './firewall.ts';
import { describeInstance, ensureInstance, ownInstances, rehearse, toServer } from './instance.ts';
import { removeMachine } from './leftovers.ts';
import { ec2Needs } from './needs.ts';
import { ensureKeyPair, ensureSecurityGroup } from './network.ts';
import { type Ec2Options, options, typedOptions } from './options.ts';
import { findPlacement, type Placement, plannedPlacement } from './placement.ts';
import { userOf } from './systems.ts';
import { parseTags } from './tags.ts';

/** A machine at Amazon EC2: one instance, with a security group and a key pair of its own. */
export const driver: DriverModule = defineDriver({
  name: 'amazonec2',
  summary: 'an instance at Amazon EC2',
  options,
  fitsFirewalls: true,
  needs: ec2Needs,
  open: (given) => {
    const context = { ...given, options: typedOptions(given.options) };
    assertConsistent(context.options);
    return cloudDriver(context, new AmazonEc2(context));
  },
});

class AmazonEc2 implements Cloud {
  readonly provider = 'Amazon EC2';
  readonly power: PowerActions;
  readonly firewall: MachineFirewall;
  readonly #context: DriverContext<Ec2Options>;
  readonly #ec2: Ec2Client;

  constructor(context: DriverContext<Ec2Options>) {
    this.#context = context;
    this.#ec2 = new Ec2Client(context);
    this.power = powerOf(this.#ec2);
    this.firewall = machineFirewall(context, ownFirewall(this.#ec2), {
      sshPort: context.options['amazonec2-ssh-port'],
      open: context.options['amazonec2-open-port'],
    });
  }

  async check(signal: AbortSignal): Promise<void> {
    const { options } = this.#context;
    const { 'amazonec2-ssh-keypath': keyPath, 'amazonec2-keypair-name': KeyName } = options;
    if (keyPath !== undefined) await givenKey(keyPath, 'amazonec2-ssh-keypath');
    const placement = await findPlacement(this.#ec2, options, this.firewall.needed, signal);
    if (KeyName !== undefined)
      await this.#ec2.read((api, send) => api.describeKeyPairs({ KeyNames: [KeyName] }, send), signal);
    await rehearse(this.#context, this.#ec2, placement, signal);
  }

  async create(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const [context, ec2] = [this.#context, this.#ec2];
    const { ranges: ports, needed } = this.firewall;
    const placement = await context.lookup<Placement>(
      () => findPlacement(ec2, context.options, needed, signal),
      plannedPlacement(context.options),
    );
    const keyName = context.options['amazonec2-keypair-name'] ?? (await this.#keyPair(signal));
    const { vpcId, groupIds: given } = placement;
    const groupIds = given.length > 0 ? given : [await ensureSecurityGroup(context, ec2, { vpcId, ports }, signal)];
    await ensureInstance(context, ec2, { placement, groupIds, keyName }, signal);
  }

  async server(known: string | undefined, signal: AbortSignal): ReturnType<Cloud['server']> {
    const id = known ?? (await ownInstances(this.#context, this.#ec2, signal))[0];
    const instance = id === undefined ? undefined : await describeInstance(this.#ec2, id, signal);
    return instance === undefined ? undefined : toServer(instance, this.#context.options);
  }

  remove(signal: AbortSignal): Promise<void> {
    return removeMachine(this.#context, this.#ec2, signal);
  }

  ssh(): ReturnType<Cloud['ssh']> {
    const { options, directory } = this.#context;
    const { 'amazonec2-ssh-keypath': given, 'amazonec2-ami': ami, 'amazonec2-image': system } = options;
    return {
      user: options['amazonec2-ssh-user'] ?? userOf(system, ami),
      port: options['amazonec2-ssh-port'],
      keyPath: given === undefined ? ownKeyPath(directory) : expandHome(given),
    };
  }

  close(): Promise<void> {
    return this.#ec2.close();
  }

  async #keyPair(signal: AbortSignal): Promise<string> {
    const { options } = this.#context;
    const given = options['amazonec2-ssh-keypath'];
    const key = given === undefined ? await ownKey(this.#context) : await givenKey(given, 'amazonec2-ssh-keypath');
    return await ensureKeyPair(this.#context, this.#ec2, key.publicKey, signal);
  }
}

function powerOf(ec2: Ec2Client): PowerActions {
  const stop = (Force: boolean) => async (id: string, signal: AbortSignal) => {
    const request = { InstanceIds: [id], Force };
    const action = { action: 'StopInstances', parameters: request };
    await ec2.change(action, (api, send) => api.stopInstances(request, send), { $metadata: {} }, signal);
  };
  return {
    stop: stop(false),
    kill: stop(true),
    start: async (id, signal) => {
      const request = { InstanceIds: [id] };
      const action = { action: 'StartInstances', parameters: request };
      await ec2.change(action, (api, send) => api.startInstances(request, send), { $metadata: {} }, signal);
    },
    restart: async (id, signal) => {
      const request = { InstanceIds: [id] };
      const action = { action: 'RebootInstances', parameters: request };
      await ec2.change(action, (api, send) => api.rebootInstances(request, send), { $metadata: {} }, signal);
    },
  };
}

function assertConsistent(options: Ec2Options): void {
  parseTags(options['amazonec2-tags']);
  const has = (flag: keyof Ec2Options): boolean => options[flag] !== undefined;
  if (has('amazonec2-access-key') !== has('amazonec2-secret-key'))
    throw new UsageError('--amazonec2-access-key and --amazonec2-secret-key belong together: give both or neither');
  if (has('amazonec2-keypair-name') && !has('amazonec2-ssh-keypath'))
    throw new UsageError('--amazonec2-keypair-name needs its private key: give --amazonec2-ssh-keypath too');
  if (has('amazonec2-spot-price') && !options['amazonec2-request-spot-instance'])
    throw new UsageError('--amazonec2-spot-price is for spot instances: give --amazonec2-request-spot-instance too');
}
