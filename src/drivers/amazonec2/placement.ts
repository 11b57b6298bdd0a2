import type { Image, SecurityGroup, Subnet } from '@aws-sdk/client-ec2';
import { UsageError } from '../../common/errors.ts';
import { planned } from '../cloud/planned.ts';
import { type PortRange, portText } from '../cloud/ports.ts';
import { notOffered } from '../cloud/suggest.ts';
import { DriverError } from '../errors.ts';
import type { Ec2Client } from './client.ts';
import { ec2Code } from './errors.ts';
import { findImage } from './image.ts';
import type { Ec2Options } from './options.ts';

/** What is there already and will be used. */
export interface Placement {
  readonly image: Image & { readonly ImageId: string };
  readonly subnetId: string;
  readonly vpcId: string;
  /** The given security groups' IDs; empty when the machine gets its own. */
  readonly groupIds: readonly string[];
}

/** Looks up image, network and security groups. Throws when one is missing or does not fit. */
export async function findPlacement(
  ec2: Ec2Client,
  options: Ec2Options,
  ports: readonly PortRange[],
  signal: AbortSignal,
): Promise<Placement> {
  const processor = await processorOf(ec2, options, signal);
  const { 'amazonec2-ami': ami, 'amazonec2-image': system } = options;
  const image = await findImage(ec2, { ami, system, processor }, signal);
  const subnet = await findSubnet(ec2, options, signal);
  const groups = await givenGroups(ec2, options, subnet.VpcId, signal);
  if (!options['amazonec2-security-group-readonly']) assertOpen(groups, ports);
  const groupIds = groups.map(({ GroupId = '' }) => GroupId);
  return { image, subnetId: subnet.SubnetId, vpcId: subnet.VpcId, groupIds };
}

/** What a dry run knows without asking EC2. */
export function plannedPlacement(options: Ec2Options): Placement {
  const { 'amazonec2-ami': ami, 'amazonec2-image': system, 'amazonec2-subnet-id': subnet } = options;
  return {
    image: { ImageId: ami ?? planned(`newest image of ${system}`) },
    subnetId: subnet ?? planned('subnet'),
    vpcId: options['amazonec2-vpc-id'] ?? planned(subnet === undefined ? 'default VPC' : `VPC of ${subnet}`),
    groupIds: options['amazonec2-security-group'],
  };
}

async function processorOf(ec2: Ec2Client, options: Ec2Options, signal: AbortSignal): Promise<string> {
  const type = options['amazonec2-instance-type'];
  const InstanceTypes = [type] as never; // The SDK's list of types is older than any new type.
  const { InstanceTypes: found = [] } = await ec2
    .read((api, send) => api.describeInstanceTypes({ InstanceTypes }, send), signal)
    .catch(async (error: unknown) => {
      throw ec2Code(error) === 'InvalidInstanceType' ? await unknownType(ec2, type, error, signal) : error;
    });
  const processors: readonly string[] = found[0]?.ProcessorInfo?.SupportedArchitectures ?? [];
  const fitting = processors.find((each) => each === 'x86_64' || each === 'arm64');
  if (fitting !== undefined) return fitting;
  throw new DriverError(
    `the instance type ${type} has no processor Docker runs on: ${processors.join(', ')}`,
    'BAD_OPTIONS',
  );
}

/** More than EC2 has types; a page has a thousand. */
const MOST_PAGES = 5;

/** Suggests what the region offers; the error as it is where that may not be asked for. */
async function unknownType(ec2: Ec2Client, given: string, error: unknown, signal: AbortSignal): Promise<unknown> {
  const offered: string[] = [];
  let NextToken: string | undefined;
  try {
    for (let page = 0; page < MOST_PAGES && (page === 0 || NextToken !== undefined); page += 1) {
      const request = { LocationType: 'region' as const, MaxResults: 1000, ...(NextToken ? { NextToken } : {}) };
      const answer = await ec2.read((api, send) => api.describeInstanceTypeOfferings(request, send), signal);
      offered.push(...(answer.InstanceTypeOfferings ?? []).map(({ InstanceType = '' }) => InstanceType));
      NextToken = answer.NextToken || undefined;
    }
  } catch {
    signal.throwIfAborted();
    return error;
  }
  return notOffered({ provider: 'Amazon EC2', what: 'instance type', where: `in ${ec2.region}`, given, offered });
}

type KnownSubnet = Subnet & { readonly SubnetId: string; readonly VpcId: string };

async function findSubnet(ec2: Ec2Client, options: Ec2Options, signal: AbortSignal): Promise<KnownSubnet> {
  const { 'amazonec2-subnet-id': subnetId, 'amazonec2-vpc-id': vpcId } = options;
  const zone = zoneOf(options);
  if (subnetId !== undefined) {
    const { Subnets = [] } = await ec2.read(
      (api, send) => api.describeSubnets({ SubnetIds: [subnetId] }, send),
      signal,
    );
    return fitting(Subnets[0], subnetId, vpcId, zone);
  }
  const vpc = vpcId ?? (await defaultVpc(ec2, signal));
  const Filters = [
    { Name: 'vpc-id', Values: [vpc] },
    { Name: 'state', Values: ['available'] },
    { Name: 'availability-zone', Values: zone === undefined ? await zonesWith(ec2, options, signal) : [zone] },
  ];
  const { Subnets = [] } = await ec2.read((api, send) => api.describeSubnets({ Filters }, send), signal);
  // A VPC's default subnets give public addresses; among equals the same one is taken every time.
  const [best] = [...Subnets].sort(
    (a, b) =>
      Number(b.DefaultForAz ?? false) - Number(a.DefaultForAz ?? false) ||
      (a.AvailabilityZone ?? '').localeCompare(b.AvailabilityZone ?? '') ||
      (a.SubnetId ?? '').localeCompare(b.SubnetId ?? ''),
  );
  if (best === undefined) throw noSubnet(vpc, zone ?? `any zone with ${options['amazonec2-instance-type']}`);
  return fitting(best, best.SubnetId ?? '', vpc, zone);
}

/** `a` with region `us-east-1` is `us-east-1a`. */
function zoneOf(options: Ec2Options): string | undefined {
  const { 'amazonec2-zone': zone, 'amazonec2-region': region } = options;
  return zone?.length === 1 ? `${region}${zone}` : zone;
}

async function zonesWith(ec2: Ec2Client, options: Ec2Options, signal: AbortSignal): Promise<string[]> {
  const type = options['amazonec2-instance-type'];
  const Filters = [{ Name: 'instance-type', Values: [type] }];
  const { InstanceTypeOfferings = [] } = await ec2.read(
    (api, send) => api.describeInstanceTypeOfferings({ LocationType: 'availability-zone', Filters }, send),
    signal,
  );
  const zones = InstanceTypeOfferings.map(({ Location = '' }) => Location).filter((zone) => zone !== '');
  if (zones.length > 0) return zones;
  throw new DriverError(
    `${ec2.region} has no instance type ${type}. Take another one or another region`,
    'BAD_OPTIONS',
  );
}

async function defaultVpc(ec2: Ec2Client, signal: AbortSignal): Promise<string> {
  const Filters = [{ Name: 'is-default', Values: ['true'] }];
  const { Vpcs = [] } = await ec2.read((api, send) => api.describeVpcs({ Filters }, send), signal);
  if (Vpcs[0]?.VpcId !== undefined) return Vpcs[0].VpcId;
  throw new DriverError(
    `there is no default VPC in ${ec2.region}. Give --amazonec2-vpc-id or --amazonec2-subnet-id, or run "aws ec2 create-default-vpc"`,
    'NO_NETWORK',
  );
}

function fitting(
  subnet: Subnet | undefined,
  id: string,
  vpcId: string | undefined,
  zone: string | undefined,
): KnownSubnet {
  const { SubnetId, VpcId, AvailabilityZone } = subnet ?? {};
  if (SubnetId === undefined || VpcId === undefined) throw new UsageError(`--amazonec2-subnet-id ${id} does not exist`);
  if (vpcId !== undefined && vpcId !== VpcId)
    throw new UsageError(`--amazonec2-subnet-id ${id} lies in ${VpcId}, not in --amazonec2-vpc-id ${vpcId}`);
  if (zone !== undefined && zone !== AvailabilityZone)
    throw new UsageError(`--amazonec2-subnet-id ${id} lies in ${AvailabilityZone}, not in --amazonec2-zone ${zone}`);
  return { ...subnet, SubnetId, VpcId };
}

async function givenGroups(
  ec2: Ec2Client,
  options: Ec2Options,
  vpcId: string,
  signal: AbortSignal,
): Promise<readonly SecurityGroup[]> {
  const wanted = options['amazonec2-security-group'];
  if (wanted.length === 0) return [];
  const Filters = [{ Name: 'vpc-id', Values: [vpcId] }];
  const { SecurityGroups = [] } = await ec2.read((api, send) => api.describeSecurityGroups({ Filters }, send), signal);
  return wanted.map((each) => {
    const found = SecurityGroups.find(({ GroupId, GroupName }) => GroupId === each || GroupName === each);
    if (found !== undefined) return found;
    throw new DriverError(
      `there is no security group ${each} in ${vpcId}. Make it, or leave out --amazonec2-security-group to get one per machine`,
      'NO_SECURITY_GROUP',
    );
  });
}

/** Given groups are not ours: they are read, never changed. */
function assertOpen(groups: readonly SecurityGroup[], ports: readonly PortRange[]): void {
  if (groups.length === 0) return;
  const rules = groups.flatMap(({ IpPermissions = [] }) => IpPermissions);
  const closed = ports.filter(
    ({ protocol, from, to }) =>
      !rules.some(
        ({ IpProtocol, FromPort = 0, ToPort = 65_535 }) =>
          IpProtocol === '-1' || (IpProtocol === protocol && FromPort <= from && ToPort >= to),
      ),
  );
  if (closed.length === 0) return;
  const names = groups.map(({ GroupName }) => GroupName).join(', ');
  throw new DriverError(
    `the security group ${names} does not let ${closed.map(portText).join(', ')} through. Add that, or give --amazonec2-security-group-readonly to go on`,
    'CLOSED_PORTS',
  );
}

function noSubnet(vpc: string, where: string): DriverError {
  return new DriverError(
    `${vpc} has no subnet in ${where}. Give another --amazonec2-zone or --amazonec2-subnet-id`,
    'NO_NETWORK',
  );
}
