import { UsageError } from '../../common/errors.ts';
import { type CloudServer, SERVER } from '../cloud/cloud-driver.ts';
import { ensureMade } from '../cloud/ensure.ts';
import { givenText, type UserDataFlag } from '../cloud/given-file.ts';
import type { PortRange } from '../cloud/ports.ts';
import { codeOf, isRestRefusal } from '../cloud/rest.ts';
import type { DriverContext } from '../driver.ts';
import type { MachineState } from '../state.ts';
import type { ComputeEngine } from './api.ts';
import { FIREWALL, networkOf, rulesFor } from './firewall.ts';
import type { GoogleOptions } from './options.ts';
import { ownName, plainName } from './own-name.ts';

type Context = DriverContext<GoogleOptions>;

/** An instance as Google describes it, as far as it is read. */
export interface Instance {
  readonly name: string;
  readonly status: string;
  readonly machineType: string;
  readonly networkInterfaces: readonly {
    readonly networkIP?: string;
    readonly accessConfigs?: readonly { readonly natIP?: string }[];
  }[];
}

/** cloud.google.com/compute/docs/instances/instance-life-cycle */
const STATES: Readonly<Record<string, MachineState>> = {
  PROVISIONING: 'Starting',
  STAGING: 'Starting',
  RUNNING: 'Running',
  STOPPING: 'Stopping',
  SUSPENDING: 'Stopping',
  SUSPENDED: 'Saved',
  REPAIRING: 'Error',
  TERMINATED: 'Stopped',
};

/** Labels: lower case letters, digits, dashes and underscores. Throws a UsageError for one that is no `key=value`. */
export function labelsOf({ tags, options }: Context): Readonly<Record<string, string>> {
  const given = options['google-label'].map((text) => {
    const at = text.indexOf('=');
    if (at < 1) throw new UsageError(`--google-label "${text}" is no label like key=value`);
    return [text.slice(0, at), text.slice(at + 1)] as const;
  });
  const ours = Object.entries(tags).map(([key, value]) => [plainName(key), plainName(value).slice(0, 63)] as const);
  return Object.fromEntries([...given, ...ours]);
}

/** Rules that let exactly `ports` in to what carries the machine's network tag. */
export async function ensureFirewall(
  context: Context,
  google: ComputeEngine,
  ports: readonly PortRange[],
  signal: AbortSignal,
): Promise<void> {
  const rules = rulesFor(context, await networkOf(context, google), ports);
  const make = async (): Promise<{ id: string }> => {
    context.report('making a firewall rule');
    for (const rule of rules) await google.change('POST', '/global/firewalls', rule, signal).catch(unlessThere);
    return { id: ownName(context) };
  };
  await ensureMade(context, FIREWALL, { make }, isRestRefusal);
}

/** Makes the instance, or finds the one an earlier attempt made under its name. */
export async function ensureInstance(
  context: Context,
  google: ComputeEngine,
  publicKey: string,
  signal: AbortSignal,
): Promise<void> {
  const name = ownName(context);
  const body = await instanceRequest(context, google, publicKey);
  const make = async (): Promise<{ id: string }> => {
    context.report('making the instance');
    const items = body.metadata.items.map((each) => (each.key === 'user-data' ? { ...each, value: '<file>' } : each));
    const path = `/zones/${context.options['google-zone']}/instances`;
    await google.change('POST', path, body, signal, { ...body, metadata: { items } }).catch(unlessThere);
    return { id: name };
  };
  await ensureMade(context, SERVER, { make }, isRestRefusal);
}

/** What Google takes as a value of the metadata: 256 KiB. */
export const USER_DATA: UserDataFlag = { flag: 'google-userdata', maxBytes: 256 * 1024 };

interface InstanceRequest extends Readonly<Record<string, unknown>> {
  readonly metadata: { readonly items: readonly { readonly key: string; readonly value: string }[] };
}

async function instanceRequest(context: Context, google: ComputeEngine, publicKey: string): Promise<InstanceRequest> {
  const { options } = context;
  const name = ownName(context);
  const zone = `zones/${options['google-zone']}`;
  const { 'google-userdata': userData, 'google-service-account': account } = options;
  const user = options['google-username'];
  const text = await givenText(userData, USER_DATA);
  return {
    name,
    description: `Docker machine ${context.name}`,
    machineType: `${zone}/machineTypes/${options['google-machine-type']}`,
    labels: labelsOf(context),
    tags: { items: [name, ...options['google-tags']] },
    disks: [
      {
        boot: true,
        autoDelete: true,
        initializeParams: {
          sourceImage: `projects/${options['google-machine-image']}`,
          diskSizeGb: String(options['google-disk-size']),
          diskType: `${zone}/diskTypes/${options['google-disk-type']}`,
          labels: labelsOf(context),
        },
      },
    ],
    networkInterfaces: [await networkInterface(context, google)],
    metadata: {
      items: [
        { key: 'ssh-keys', value: `${user}:${publicKey.split(' ').slice(0, 2).join(' ')} ${user}` },
        // With OS Login the keys above would not count.
        { key: 'enable-oslogin', value: 'FALSE' },
        ...(text === undefined ? [] : [{ key: 'user-data', value: text }]),
      ],
    },
    serviceAccounts: [{ email: account ?? 'default', scopes: options['google-scopes'] }],
    scheduling: options['google-preemptible']
      ? {
          provisioningModel: 'SPOT',
          instanceTerminationAction: 'STOP',
          automaticRestart: false,
          onHostMaintenance: 'TERMINATE',
        }
      : { automaticRestart: true, onHostMaintenance: 'MIGRATE' },
  };
}

async function networkInterface(
  { options }: Context,
  google: ComputeEngine,
): Promise<Readonly<Record<string, unknown>>> {
  const subnetwork = options['google-subnetwork'];
  const address = options['google-address'];
  const region = regionOf(options);
  return {
    network: await google.path(`/global/networks/${options['google-network']}`),
    ...(subnetwork === undefined
      ? {}
      : { subnetwork: await google.path(`/regions/${region}/subnetworks/${subnetwork}`) }),
    accessConfigs: options['google-use-internal-ip-only']
      ? []
      : [{ type: 'ONE_TO_ONE_NAT', name: 'External NAT', ...(address === undefined ? {} : { natIP: address }) }],
  };
}

/** `us-central1` of `us-central1-a`. */
export function regionOf(options: GoogleOptions): string {
  return options['google-zone'].replace(/-[a-z]$/, '');
}

/** The border from Google's instance to ours. */
export function toServer(instance: Instance, options: GoogleOptions): CloudServer {
  const [card] = instance.networkInterfaces;
  const isInternal = options['google-use-internal-ip'] || options['google-use-internal-ip-only'];
  return {
    id: instance.name,
    state: STATES[instance.status] ?? 'Error',
    word: instance.status,
    address: isInternal ? card?.networkIP : card?.accessConfigs?.[0]?.natIP,
    labels: {
      region: regionOf(options),
      zone: options['google-zone'],
      'instance-type': instance.machineType.slice(instance.machineType.lastIndexOf('/') + 1),
      ...(options['google-preemptible'] ? { spot: 'true' } : {}),
    },
  };
}

/** The name holds the machine's identifier: what has it already is ours, from an attempt whose answer was lost. */
function unlessThere(error: unknown): void {
  if (!/^(alreadyExists|RESOURCE_ALREADY_EXISTS)$/.test(codeOf(error) ?? '')) throw error;
}
