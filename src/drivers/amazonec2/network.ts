import { ensureMade } from '../cloud/ensure.ts';
import { isPlanned, planned } from '../cloud/planned.ts';
import { pollUntil } from '../cloud/poll.ts';
import type { PortRange } from '../cloud/ports.ts';
import type { DriverContext } from '../driver.ts';
import type { Ec2Client } from './client.ts';
import { ec2Code, isRefusal } from './errors.ts';
import { permissionsOf, SECURITY_GROUP } from './firewall.ts';
import type { Ec2Options } from './options.ts';
import { tagFilters, tagSpecifications } from './tags.ts';

type Context = DriverContext<Ec2Options>;

/** How long EC2 may say that something it just made is not there (eventual consistency). */
const VISIBLE_WITHIN_MS = 60_000;

/** The machine's own security group, which lets exactly `ports` in. Answers its ID. */
export async function ensureSecurityGroup(
  context: Context,
  ec2: Ec2Client,
  { vpcId, ports }: { vpcId: string; ports: readonly PortRange[] },
  signal: AbortSignal,
): Promise<string> {
  const name = groupName(context);
  const call = { GroupName: name, Description: `Docker machine ${context.name}`, VpcId: vpcId };
  const made = await ensureMade(
    context,
    SECURITY_GROUP,
    {
      find: () => ownGroup(context, ec2, signal),
      make: async () => {
        context.report('making a security group');
        const TagSpecifications = tagSpecifications(context, ['security-group']);
        const create = ec2.change(
          { action: 'CreateSecurityGroup', parameters: call },
          (api, send) => api.createSecurityGroup({ ...call, TagSpecifications }, send),
          { GroupId: planned('security group'), $metadata: {} },
          signal,
        );
        return { id: (await create.catch((error) => madeBefore(error, context, ec2, signal))).GroupId ?? '' };
      },
    },
    isRefusal,
  );
  await allowIngress(context, ec2, made.id, ports, signal);
  return made.id;
}

/** A repeated call whose first answer was lost finds the name taken: by us, for the name holds the machine's identifier. */
async function madeBefore(
  error: unknown,
  context: Context,
  ec2: Ec2Client,
  signal: AbortSignal,
): Promise<{ GroupId: string }> {
  if (ec2Code(error) !== 'InvalidGroup.Duplicate') throw error;
  const wait = { what: 'the security group to appear', timeoutMs: VISIBLE_WITHIN_MS };
  return { GroupId: (await pollUntil(context, wait, () => ownGroup(context, ec2, signal), signal)).id };
}

async function ownGroup(context: Context, ec2: Ec2Client, signal: AbortSignal): Promise<{ id: string } | undefined> {
  const [id] = await ownGroups(context, ec2, signal);
  return id === undefined ? undefined : { id };
}

/** Security groups that carry the machine's tags. */
export async function ownGroups(context: Context, ec2: Ec2Client, signal: AbortSignal): Promise<string[]> {
  const request = { Filters: tagFilters(context) };
  const { SecurityGroups = [] } = await ec2.read((api, send) => api.describeSecurityGroups(request, send), signal);
  return SecurityGroups.map(({ GroupId = '' }) => GroupId);
}

async function allowIngress(
  context: Context,
  ec2: Ec2Client,
  GroupId: string,
  ports: readonly PortRange[],
  signal: AbortSignal,
): Promise<void> {
  const { journal } = context;
  if (journal.find(SECURITY_GROUP)?.details?.isOpen === true) return;
  const request = { GroupId, IpPermissions: permissionsOf(ports) };
  const wait = { what: 'the security group to appear', timeoutMs: VISIBLE_WITHIN_MS };
  await ec2.change(
    { action: 'AuthorizeSecurityGroupIngress', parameters: request },
    (api, send) => pollUntil(context, wait, () => authorized(api.authorizeSecurityGroupIngress(request, send)), signal),
    true,
    signal,
  );
  if (!isPlanned(GroupId)) await journal.describe(SECURITY_GROUP, { isOpen: true });
}

/** Undefined while EC2 does not know the group it has just made. */
async function authorized(call: Promise<unknown>): Promise<true | undefined> {
  try {
    await call;
    return true;
  } catch (error) {
    const code = ec2Code(error);
    if (code === 'InvalidPermission.Duplicate') return true;
    if (code === 'InvalidGroup.NotFound') return undefined;
    throw error;
  }
}

/** Imports the machine's public key; the private one never leaves this host. Answers the key pair's name. */
export async function ensureKeyPair(
  context: Context,
  ec2: Ec2Client,
  publicKey: string,
  signal: AbortSignal,
): Promise<string> {
  const KeyName = groupName(context);
  const made = await ensureMade(
    context,
    'key-pair',
    {
      find: async () => ((await ownKeyPairs(context, ec2, signal)).length > 0 ? { id: KeyName } : undefined),
      make: async () => {
        context.report('importing the SSH key');
        const request = {
          KeyName,
          PublicKeyMaterial: Buffer.from(publicKey),
          TagSpecifications: tagSpecifications(context, ['key-pair']),
        };
        const done = ec2.change(
          { action: 'ImportKeyPair', parameters: { KeyName } },
          (api, send) => api.importKeyPair(request, send),
          { $metadata: {} },
          signal,
        );
        await done.catch((error) => {
          if (ec2Code(error) !== 'InvalidKeyPair.Duplicate') throw error;
        });
        return { id: KeyName };
      },
    },
    isRefusal,
  );
  return made.id;
}

/** Names of key pairs that carry the machine's tags. */
export async function ownKeyPairs(context: Context, ec2: Ec2Client, signal: AbortSignal): Promise<string[]> {
  const request = { Filters: tagFilters(context) };
  const { KeyPairs = [] } = await ec2.read((api, send) => api.describeKeyPairs(request, send), signal);
  return KeyPairs.map(({ KeyName = '' }) => KeyName);
}

/** Unique: it holds the machine's identifier. */
function groupName({ name, id }: Context): string {
  return `enxame-${name}-${id}`;
}
