import type { EC2, Instance, RunInstancesCommandInput } from '@aws-sdk/client-ec2';
import { retry } from '../../common/retry.ts';
import type { CloudServer } from '../cloud/cloud-driver.ts';
import { SERVER } from '../cloud/cloud-driver.ts';
import { ensureMade } from '../cloud/ensure.ts';
import { givenBytes, type UserDataFlag } from '../cloud/given-file.ts';
import { isPlanned, planned } from '../cloud/planned.ts';
import { pollUntil } from '../cloud/poll.ts';
import type { DriverContext } from '../driver.ts';
import { DriverError } from '../errors.ts';
import type { MachineState } from '../state.ts';
import type { Ec2Client, SendOptions } from './client.ts';
import { ec2Code, isRefusal } from './errors.ts';
import type { Ec2Options } from './options.ts';
import type { Placement } from './placement.ts';
import { tagFilters, tagSpecifications } from './tags.ts';

type Context = DriverContext<Ec2Options>;

/** What an instance is made of, besides its options. */
export interface InstanceParts {
  readonly placement: Placement;
  readonly groupIds: readonly string[];
  readonly keyName: string;
}

const VISIBLE_WITHIN_MS = 120_000;

/** EC2's words: docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-instance-lifecycle.html */
const STATES: Readonly<Record<string, MachineState>> = {
  pending: 'Starting',
  running: 'Running',
  stopping: 'Stopping',
  stopped: 'Stopped',
  'shutting-down': 'Stopping',
};

/** Runs the instance, or finds the one an earlier attempt ran. Resolves when EC2 shows it. */
export async function ensureInstance(
  context: Context,
  ec2: Ec2Client,
  parts: InstanceParts,
  signal: AbortSignal,
): Promise<void> {
  const request = await runRequest(context, parts);
  const find = async (): Promise<{ id: string } | undefined> => {
    const [id] = await ownInstances(context, ec2, signal);
    return id === undefined ? undefined : { id };
  };
  const make = async (ClientToken: string): Promise<{ id: string }> => {
    context.report(request.InstanceMarketOptions ? 'asking for a spot instance' : 'starting an instance');
    return await ec2.change(
      { action: 'RunInstances', parameters: shown(request) },
      (api, send) => patiently(context, () => run(api, { ...request, ClientToken }, send, find), signal),
      { id: planned('instance') },
      signal,
    );
  };
  const { id } = await ensureMade(context, SERVER, { find, make }, isRefusal);
  if (isPlanned(id)) return;
  const wait = { what: `${id} to appear`, timeoutMs: VISIBLE_WITHIN_MS };
  await pollUntil(context, wait, () => describeInstance(ec2, id, signal), signal);
}

/** One attempt. The token makes a repetition answer the instance of the first; `find` serves when the request changed since. */
async function run(
  api: EC2,
  request: RunInstancesCommandInput,
  send: SendOptions,
  find: () => Promise<{ id: string } | undefined>,
): Promise<{ id: string }> {
  try {
    const { Instances = [] } = await api.runInstances(request, send);
    return { id: Instances[0]?.InstanceId ?? '' };
  } catch (error) {
    const found = ec2Code(error) === 'IdempotentParameterMismatch' ? await find() : undefined;
    if (found === undefined) throw error;
    return found;
  }
}

/**
 * What was just made may not be known everywhere yet (key pair, group, instance profile), and spot capacity comes and goes: both are
 * waited for, each as long as it makes sense.
 */
async function patiently<T>(context: Context, attempt: () => Promise<T>, signal: AbortSignal): Promise<T> {
  const { options, clock, report } = context;
  const spotMs = options['amazonec2-request-spot-instance'] ? options['amazonec2-spot-wait'] * 60_000 : 0;
  const start = clock.now();
  const patienceMs = (error: unknown): number =>
    isLackOfSpot(error) ? spotMs : isNotYetKnown(error) ? VISIBLE_WITHIN_MS : 0;
  try {
    return await retry(clock, attempt, {
      passes: (error) => clock.now() - start < patienceMs(error),
      backoff: (_, setback) => ('error' in setback && isLackOfSpot(setback.error) ? 15_000 : 3_000),
      onSetback: (setback) => {
        if ('error' in setback && isLackOfSpot(setback.error))
          report(`waiting for spot capacity: ${ec2Code(setback.error)}`);
      },
      signal,
    });
  } catch (error) {
    throw spotMs > 0 && isLackOfSpot(error) ? noSpot(options, error) : error;
  }
}

function isLackOfSpot(error: unknown): boolean {
  return /^(InsufficientInstanceCapacity|SpotMaxPriceTooLow|MaxSpotInstanceCountExceeded)$/.test(ec2Code(error) ?? '');
}

function isNotYetKnown(error: unknown): boolean {
  const code = ec2Code(error) ?? '';
  if (/^(InvalidGroup\.NotFound|InvalidKeyPair\.NotFound)$/.test(code)) return true;
  return code === 'InvalidParameterValue' && /instance profile/i.test(error instanceof Error ? error.message : '');
}

function noSpot(options: Ec2Options, cause: unknown): DriverError {
  const { 'amazonec2-instance-type': type, 'amazonec2-spot-wait': minutes } = options;
  return new DriverError(
    `there was no spot capacity for ${type} in ${minutes} minutes (${ec2Code(cause)}). Try another --amazonec2-instance-type or --amazonec2-zone, a higher --amazonec2-spot-price, or no --amazonec2-request-spot-instance`,
    'NO_CAPACITY',
    cause instanceof DriverError ? cause.cause : cause,
  );
}

/** A request that EC2 checks, permissions included, without doing it. */
export async function rehearse(
  context: Context,
  ec2: Ec2Client,
  placement: Placement,
  signal: AbortSignal,
): Promise<void> {
  const {
    KeyName: _key,
    TagSpecifications,
    ...request
  } = await runRequest(context, {
    placement,
    groupIds: placement.groupIds,
    keyName: '',
  });
  try {
    await ec2.read((api, send) => api.runInstances({ ...request, TagSpecifications, DryRun: true }, send), signal);
  } catch (error) {
    if (ec2Code(error) !== 'DryRunOperation') throw error;
  }
}

/** What EC2 takes as user data: 16 KiB. */
const USER_DATA: UserDataFlag = { flag: 'amazonec2-userdata', maxBytes: 16 * 1024 };

async function runRequest(
  context: Context,
  { placement, groupIds, keyName }: InstanceParts,
): Promise<RunInstancesCommandInput> {
  const { options } = context;
  const { image, subnetId } = placement;
  const profile = options['amazonec2-iam-instance-profile'];
  const content = await givenBytes(options['amazonec2-userdata'], USER_DATA);
  const isSpot = options['amazonec2-request-spot-instance'];
  const taggable = [
    'instance',
    'volume',
    'network-interface',
    ...(isSpot ? ['spot-instances-request' as const] : []),
  ] as const;
  return {
    ImageId: image.ImageId,
    InstanceType: options['amazonec2-instance-type'] as never, // Newer types than the SDK knows are fine.
    MinCount: 1,
    MaxCount: 1,
    KeyName: keyName,
    NetworkInterfaces: [
      {
        DeviceIndex: 0,
        SubnetId: subnetId,
        ...(groupIds.length > 0 ? { Groups: [...groupIds] } : {}),
        AssociatePublicIpAddress: !options['amazonec2-private-address-only'],
        DeleteOnTermination: true,
      },
    ],
    BlockDeviceMappings: [
      {
        DeviceName: options['amazonec2-device-name'] ?? image.RootDeviceName ?? '/dev/sda1',
        Ebs: {
          VolumeSize: options['amazonec2-root-size'],
          VolumeType: options['amazonec2-volume-type'] as never,
          DeleteOnTermination: true,
        },
      },
    ],
    // IMDSv2 only; two hops, so that containers with their own network may ask, too.
    MetadataOptions: { HttpTokens: 'required', HttpEndpoint: 'enabled', HttpPutResponseHopLimit: 2 },
    Monitoring: { Enabled: options['amazonec2-monitoring'] },
    EbsOptimized: options['amazonec2-use-ebs-optimized-instance'],
    TagSpecifications: tagSpecifications(context, taggable),
    ...(profile === undefined
      ? {}
      : { IamInstanceProfile: profile.startsWith('arn:') ? { Arn: profile } : { Name: profile } }),
    ...(content === undefined ? {} : { UserData: content.toString('base64') }),
    ...(isSpot ? { InstanceMarketOptions: spotOptions(options) } : {}),
  };
}

/** EC2 can only stop a spot instance of a persistent request; a one-time request ends with its instance. */
function spotOptions(options: Ec2Options): NonNullable<RunInstancesCommandInput['InstanceMarketOptions']> {
  const interruption = options['amazonec2-spot-interruption'] as 'terminate' | 'stop' | 'hibernate';
  const price = options['amazonec2-spot-price'];
  return {
    MarketType: 'spot',
    SpotOptions: {
      SpotInstanceType: interruption === 'terminate' ? 'one-time' : 'persistent',
      InstanceInterruptionBehavior: interruption,
      ...(price === undefined ? {} : { MaxPrice: price }),
    },
  };
}

/** For `--dry-run`: without the long and the obvious. */
function shown({ UserData, TagSpecifications: _tags, ...request }: RunInstancesCommandInput): Record<string, unknown> {
  return { ...request, ...(UserData === undefined ? {} : { UserData: '<file>' }) };
}

/** The instance with that ID; undefined when EC2 does not know it or it was terminated. */
export async function describeInstance(ec2: Ec2Client, id: string, signal: AbortSignal): Promise<Instance | undefined> {
  try {
    const request = { InstanceIds: [id] };
    const { Reservations = [] } = await ec2.read((api, send) => api.describeInstances(request, send), signal);
    return Reservations.flatMap(({ Instances = [] }) => Instances).find(isThere);
  } catch (error) {
    if (/^InvalidInstanceID\./.test(ec2Code(error) ?? '')) return undefined;
    throw error;
  }
}

/** IDs of instances with the machine's tags that are not terminated. */
export async function ownInstances(context: Context, ec2: Ec2Client, signal: AbortSignal): Promise<string[]> {
  const request = { Filters: tagFilters(context) };
  const { Reservations = [] } = await ec2.read((api, send) => api.describeInstances(request, send), signal);
  const instances = Reservations.flatMap(({ Instances = [] }) => Instances).filter(isThere);
  return instances.map(({ InstanceId = '' }) => InstanceId);
}

function isThere({ State }: Instance): boolean {
  return State?.Name !== 'terminated';
}

/** The border from EC2's instance to ours. */
export function toServer(instance: Instance, options: Ec2Options): CloudServer {
  const isPrivate = options['amazonec2-use-private-address'] || options['amazonec2-private-address-only'];
  const word = instance.State?.Name ?? '';
  const zone = instance.Placement?.AvailabilityZone;
  return {
    id: instance.InstanceId ?? '',
    state: STATES[word] ?? 'Error',
    word,
    address: isPrivate ? instance.PrivateIpAddress : instance.PublicIpAddress,
    labels: {
      region: options['amazonec2-region'],
      ...(zone === undefined ? {} : { zone }),
      'instance-type': instance.InstanceType ?? options['amazonec2-instance-type'],
      ...(options['amazonec2-request-spot-instance'] ? { spot: 'true' } : {}),
    },
  };
}
