import { SERVER } from '../cloud/cloud-driver.ts';
import { pollUntil } from '../cloud/poll.ts';
import { type RemovableKind, removeAll } from '../cloud/removal.ts';
import type { DriverContext } from '../driver.ts';
import type { Ec2Client } from './client.ts';
import { ec2Code } from './errors.ts';
import { SECURITY_GROUP } from './firewall.ts';
import { describeInstance, ownInstances } from './instance.ts';
import { ownGroups, ownKeyPairs } from './network.ts';
import type { Ec2Options } from './options.ts';
import { tagFilters } from './tags.ts';

type Context = DriverContext<Ec2Options>;

const GONE_WITHIN_MS = 10 * 60_000;

/** Removes all of a machine: spot requests first (they would run it again), then the instance, then what it used. */
export async function removeMachine(context: Context, ec2: Ec2Client, signal: AbortSignal): Promise<void> {
  const kinds: readonly RemovableKind[] = [
    {
      kind: 'spot-request',
      list: () => spotRequests(context, ec2, signal),
      remove: (id) => cancelSpot(ec2, id, signal),
    },
    {
      kind: SERVER,
      list: () => ownInstances(context, ec2, signal),
      remove: (id) => terminate(context, ec2, id, signal),
    },
    {
      kind: SECURITY_GROUP,
      list: () => ownGroups(context, ec2, signal),
      remove: (id) => deleteGroup(context, ec2, id, signal),
    },
    {
      kind: 'key-pair',
      list: () => ownKeyPairs(context, ec2, signal),
      remove: (name) => deleteKeyPair(ec2, name, signal),
    },
  ];
  await removeAll(context, kinds, signal);
}

async function spotRequests(context: Context, ec2: Ec2Client, signal: AbortSignal): Promise<string[]> {
  if (!context.options['amazonec2-request-spot-instance']) return [];
  const Filters = [...tagFilters(context), { Name: 'state', Values: ['open', 'active', 'disabled'] }];
  const { SpotInstanceRequests = [] } = await ec2.read(
    (api, send) => api.describeSpotInstanceRequests({ Filters }, send),
    signal,
  );
  return SpotInstanceRequests.map(({ SpotInstanceRequestId = '' }) => SpotInstanceRequestId);
}

async function cancelSpot(ec2: Ec2Client, id: string, signal: AbortSignal): Promise<boolean> {
  const request = { SpotInstanceRequestIds: [id] };
  return await ec2.change(
    { action: 'CancelSpotInstanceRequests', parameters: request },
    async (api, send) => wasThere(api.cancelSpotInstanceRequests(request, send), /^InvalidSpotInstanceRequestID/),
    true,
    signal,
  );
}

async function terminate(context: Context, ec2: Ec2Client, id: string, signal: AbortSignal): Promise<boolean> {
  const request = { InstanceIds: [id] };
  const isGone = async (): Promise<true | undefined> =>
    (await describeInstance(ec2, id, signal)) === undefined ? true : undefined;
  return await ec2.change(
    { action: 'TerminateInstances', parameters: request },
    async (api, send) => {
      if (!(await wasThere(api.terminateInstances(request, send), /^InvalidInstanceID\.NotFound$/))) return false;
      return await pollUntil(context, { what: `${id} to end`, timeoutMs: GONE_WITHIN_MS }, isGone, signal);
    },
    true,
    signal,
  );
}

/** A group is in use until the network interface of its terminated instance is gone, some seconds after the instance. */
async function deleteGroup(context: Context, ec2: Ec2Client, GroupId: string, signal: AbortSignal): Promise<boolean> {
  const wait = { what: `${GroupId} to be no longer in use`, timeoutMs: GONE_WITHIN_MS };
  return await ec2.change(
    { action: 'DeleteSecurityGroup', parameters: { GroupId } },
    async (api, send) => {
      const attempt = async (): Promise<boolean | undefined> => {
        try {
          return await wasThere(api.deleteSecurityGroup({ GroupId }, send), /^InvalidGroup(Id)?\.NotFound$/);
        } catch (error) {
          if (/^(DependencyViolation|InvalidGroup\.InUse)$/.test(ec2Code(error) ?? '')) return undefined;
          throw error;
        }
      };
      return await pollUntil(context, wait, attempt, signal);
    },
    true,
    signal,
  );
}

/** EC2 says yes to deleting a key pair that does not exist, so it is looked for first. */
async function deleteKeyPair(ec2: Ec2Client, KeyName: string, signal: AbortSignal): Promise<boolean> {
  const isThere = await wasThere(
    ec2.read((api, send) => api.describeKeyPairs({ KeyNames: [KeyName] }, send), signal),
    /^InvalidKeyPair\.NotFound$/,
  );
  if (!isThere) return false;
  return await ec2.change(
    { action: 'DeleteKeyPair', parameters: { KeyName } },
    async (api, send) => wasThere(api.deleteKeyPair({ KeyName }, send), /^InvalidKeyPair\.NotFound$/),
    true,
    signal,
  );
}

/** Whether the call found what it was about: false when EC2 answers with such a code. */
async function wasThere(call: Promise<unknown>, absent: RegExp): Promise<boolean> {
  try {
    await call;
    return true;
  } catch (error) {
    if (absent.test(ec2Code(error) ?? '')) return false;
    throw error;
  }
}
