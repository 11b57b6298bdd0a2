import { Ec2Failure } from './ec2-failure.ts';
import type { Ec2State, FakeInstance, Owned, SpotRequest, Tags } from './ec2-state.ts';
import type { Query, Xml } from './query.ts';

type Action = (state: Ec2State, query: Query) => Xml;

/** The region's types, on two pages. */
function typePage(token: string | undefined): Xml {
  const types = token === 'more' ? ['m7i.large'] : ['t3.small', 't4g.small'];
  return {
    instanceTypeOfferingSet: types.map((instanceType) => ({
      instanceType,
      locationType: 'region',
      location: 'us-east-1',
    })),
    nextToken: token === 'more' ? '' : 'more',
  };
}

/** Spot prices on two pages; the first has an older one of the same zone. */
function spotPage(token: string | undefined): Xml {
  const item = (instanceType: string, zone: string, spotPrice: string, timestamp: string): Xml => ({
    ...{ instanceType, spotPrice, timestamp },
    availabilityZone: `us-east-1${zone}`,
    productDescription: 'Linux/UNIX',
  });
  const first = [
    item('t3.small', 'a', '0.007100', '2026-11-20T08:00:00.000Z'),
    item('t3.small', 'a', '0.009900', '2026-11-19T08:00:00.000Z'),
    item('t3.small', 'b', '0.006800', '2026-11-20T07:00:00.000Z'),
  ];
  const second = [item('m7i.large', 'a', '0.040000', '2026-11-20T08:00:00.000Z')];
  return { spotPriceHistorySet: token === 'more' ? second : first, nextToken: token === 'more' ? '' : 'more' };
}

/** Actions of EC2's API that the driver uses. Names and shapes: docs.aws.amazon.com/AWSEC2/latest/APIReference */
export const ACTIONS: Readonly<Record<string, Action>> = {
  DescribeInstanceTypes: (_state, query) => {
    const [type = ''] = query.texts('InstanceType');
    if (!/^(t3|t4g|m7i)\./.test(type))
      throw new Ec2Failure('InvalidInstanceType', `The following supplied instance types do not exist: [${type}]`);
    const architectures = type.startsWith('t4g') ? ['arm64'] : ['i386', 'x86_64'];
    return { instanceTypeSet: [{ instanceType: type, processorInfo: { supportedArchitectures: architectures } }] };
  },
  DescribeInstanceTypeOfferings: (_state, query) => {
    if (query.text('LocationType') === 'region') return typePage(query.text('NextToken'));
    return {
      // Zone a lacks the burstable types, as one zone of us-east-1 really does.
      instanceTypeOfferingSet: ['us-east-1b', 'us-east-1c'].map((location) => ({
        instanceType: filter(query, 'instance-type')[0],
        locationType: 'availability-zone',
        location,
      })),
    };
  },
  DescribeImages: (state, query) => {
    const ids = query.texts('ImageId');
    const found = state.images.filter(({ id, name, owner, architecture }) =>
      ids.length > 0
        ? ids.includes(id)
        : query.texts('Owner').includes(owner) &&
          filter(query, 'architecture').includes(architecture) &&
          filter(query, 'name').some((pattern) => name.startsWith(pattern.replace(/\*$/, ''))),
    );
    if (ids.length > 0 && found.length === 0)
      throw new Ec2Failure('InvalidAMIID.NotFound', `The image id '[${ids[0]}]' does not exist`);
    return {
      imagesSet: found.map(({ id, name, architecture, date }) => ({
        imageId: id,
        name,
        architecture,
        creationDate: date,
        rootDeviceName: '/dev/xvda',
      })),
    };
  },
  DescribeVpcs: () => ({ vpcSet: [{ vpcId: 'vpc-1', isDefault: true }] }),
  DescribeSubnets: (state, query) => {
    const [ids, zones] = [query.texts('SubnetId'), filter(query, 'availability-zone')];
    const found = state.subnets.filter(({ id, zone }) => (ids.length > 0 ? ids.includes(id) : zones.includes(zone)));
    if (ids.length > 0 && found.length === 0)
      throw new Ec2Failure('InvalidSubnetID.NotFound', `The subnet ID '${ids[0]}' does not exist`);
    return {
      subnetSet: found.map(({ id, vpc, zone }) => ({
        subnetId: id,
        vpcId: vpc,
        availabilityZone: zone,
        defaultForAz: true,
      })),
    };
  },
  DescribeSecurityGroups: (state, query) => {
    const ids = query.texts('GroupId');
    for (const id of ids) group_(state, id);
    const found = matching(state, state.groups, query).filter(({ id }) => ids.length === 0 || ids.includes(id));
    return {
      securityGroupInfo: found.map(({ id, name, vpc, rules }) => ({
        groupId: id,
        groupName: name,
        vpcId: vpc,
        ipPermissions: rules.map(({ protocol, from, to, sources, group }) => ({
          ipProtocol: protocol,
          fromPort: from,
          toPort: to,
          ipRanges: sources.filter((each) => !each.includes(':')).map((cidrIp) => ({ cidrIp })),
          ipv6Ranges: sources.filter((each) => each.includes(':')).map((cidrIpv6) => ({ cidrIpv6 })),
          ...(group !== undefined && { groups: [{ groupId: group }] }),
        })),
      })),
    };
  },
  CreateSecurityGroup: (state, query) => {
    const [name = '', vpc = ''] = [query.text('GroupName'), query.text('VpcId')];
    if (state.groups.some((each) => each.name === name))
      throw new Ec2Failure('InvalidGroup.Duplicate', `The security group '${name}' already exists for VPC '${vpc}'`);
    const id = state.newId('sg');
    state.groups.push({ id, name, vpc, rules: [], tags: tagsOf(query, 'security-group'), madeAt: Date.now() });
    return { groupId: id, return: true };
  },
  AuthorizeSecurityGroupIngress: (state, query) => {
    const group = group_(state, query.text('GroupId') ?? '');
    const asked = ingressOf(query);
    const has = ({ rule, source }: Ingress): boolean => ruleOf(group, rule)?.sources.includes(source) === true;
    if (asked.some(has)) throw new Ec2Failure('InvalidPermission.Duplicate', 'the specified rule already exists');
    for (const { rule, source } of asked) {
      // Those of the same ports become one permission.
      const found = ruleOf(group, rule);
      if (found) found.sources.push(source);
      else group.rules.push({ ...rule, sources: [source] });
    }
    return { return: true };
  },
  RevokeSecurityGroupIngress: (state, query) => {
    const group = group_(state, query.text('GroupId') ?? '');
    for (const { rule, source } of ingressOf(query)) {
      const found = ruleOf(group, rule);
      const at = found?.sources.indexOf(source) ?? -1;
      if (!found || at < 0) throw new Ec2Failure('InvalidPermission.NotFound', 'The specified rule does not exist');
      found.sources.splice(at, 1);
      if (found.sources.length === 0 && found.group === undefined) group.rules.splice(group.rules.indexOf(found), 1);
    }
    return { return: true };
  },
  DeleteSecurityGroup: (state, query) => {
    const group = group_(state, query.text('GroupId') ?? '');
    state.settle();
    const isUsed = state.instances.some((each) => each.group.includes(group.id) && each.state !== 'terminated');
    if (isUsed) throw new Ec2Failure('DependencyViolation', `resource ${group.id} has a dependent object`);
    state.groups.splice(state.groups.indexOf(group), 1);
    return { return: true };
  },
  DescribeKeyPairs: (state, query) => {
    const found = matching(state, state.keyPairs, query);
    const [name] = query.texts('KeyName');
    if (name !== undefined && found.length === 0)
      throw new Ec2Failure('InvalidKeyPair.NotFound', `The key pair '${name}' does not exist`);
    return { keySet: found.map((pair) => ({ keyPairId: pair.id, keyName: pair.name })) };
  },
  ImportKeyPair: (state, query) => {
    const name = query.text('KeyName') ?? '';
    if (state.keyPairs.some((each) => each.name === name))
      throw new Ec2Failure('InvalidKeyPair.Duplicate', `The keypair already exists: ${name}`);
    const publicKey = Buffer.from(query.text('PublicKeyMaterial') ?? '', 'base64').toString();
    if (!/^ssh-(ed25519|rsa) AAAA/.test(publicKey))
      throw new Ec2Failure('InvalidKey.Format', 'Key is not in valid OpenSSH public key format');
    const id = state.newId('key');
    state.keyPairs.push({ id, name, publicKey, tags: tagsOf(query, 'key-pair'), madeAt: Date.now() });
    return { keyPairId: id, keyName: name };
  },
  DeleteKeyPair: (state, query) => {
    const at = state.keyPairs.findIndex(({ name }) => name === query.text('KeyName'));
    if (at >= 0) state.keyPairs.splice(at, 1);
    return { return: true };
  },
  RunInstances: (state, query) => runInstances(state, query),
  DescribeInstances: (state, query) => {
    state.settle();
    const ids = query.texts('InstanceId');
    const found = ids.length > 0 ? ids.map((id) => state.instance(id)) : matching(state, state.instances, query);
    return { reservationSet: found.map((each) => ({ instancesSet: [described(state, each)] })) };
  },
  StartInstances: (state, query) => each(state, query, ['stopped', 'pending', 'running'], 'pending', 'running'),
  StopInstances: (state, query) => {
    for (const id of query.texts('InstanceId'))
      if (state.instance(id).spot?.isPersistent === false)
        throw new Ec2Failure(
          'UnsupportedOperation',
          `You can't stop the Spot Instance '${id}' because it is associated with a one-time Spot Instance request`,
        );
    return each(state, query, ['running', 'stopping', 'stopped'], 'stopping', 'stopped');
  },
  RebootInstances: (state, query) => {
    for (const id of query.texts('InstanceId')) state.instance(id);
    return { return: true };
  },
  TerminateInstances: (state, query) =>
    each(
      state,
      query,
      ['pending', 'running', 'stopping', 'stopped', 'shutting-down', 'terminated'],
      'shutting-down',
      'terminated',
    ),
  DescribeSpotPriceHistory: (_state, query) => spotPage(query.text('NextToken')),
  DescribeSpotInstanceRequests: (state, query) => ({
    spotInstanceRequestSet: matching(state, state.spotRequests, query)
      .filter((each) => filter(query, 'state').includes(each.state))
      .map(({ id, state: word }) => ({ spotInstanceRequestId: id, state: word })),
  }),
  CancelSpotInstanceRequests: (state, query) => {
    for (const request of state.spotRequests)
      if (query.texts('SpotInstanceRequestId').includes(request.id)) request.state = 'cancelled';
    return {};
  },
};

function runInstances(state: Ec2State, query: Query): Xml {
  const network = query.in('NetworkInterface.1');
  const subnet = state.subnets.find(({ id }) => id === network.text('SubnetId'));
  if (subnet === undefined) throw new Ec2Failure('InvalidSubnetID.NotFound', 'The subnet ID does not exist');
  if (!state.images.some(({ id }) => id === query.text('ImageId')))
    throw new Ec2Failure('InvalidAMIID.NotFound', 'The image id does not exist');
  if (query.text('DryRun') === 'true')
    throw new Ec2Failure('DryRunOperation', 'Request would have succeeded, but DryRun flag is set.', 412);
  const token = query.text('ClientToken') ?? '';
  const request = JSON.stringify([query.text('ImageId'), query.text('InstanceType'), query.text('KeyName'), subnet.id]);
  const same = state.instances.find((each) => each.token === token);
  if (same !== undefined && same.request !== request)
    throw new Ec2Failure(
      'IdempotentParameterMismatch',
      'The request uses the same client token as a previous request, but different parameters',
    );
  if (same !== undefined) return { instancesSet: [described(state, same)] };
  const group = network.texts('SecurityGroupId');
  for (const id of group) group_(state, id);
  const key = state.keyPairs.find(({ name }) => name === query.text('KeyName'));
  if (key === undefined || !state.isVisible(key))
    throw new Ec2Failure('InvalidKeyPair.NotFound', `The key pair '${query.text('KeyName')}' does not exist`);
  const instance: FakeInstance = {
    id: state.newId('i'),
    name: '',
    token,
    request,
    query,
    group,
    spot: spotRequest(state, query),
    tags: tagsOf(query, 'instance'),
    madeAt: Date.now(),
    state: 'pending',
    next: undefined,
  };
  state.turn(instance, 'pending', 'running');
  state.instances.push(instance);
  return { instancesSet: [described(state, instance)] };
}

function spotRequest(state: Ec2State, query: Query): SpotRequest | undefined {
  const options = query.in('InstanceMarketOptions');
  if (options.text('MarketType') !== 'spot') return undefined;
  const request: SpotRequest = {
    id: state.newId('sir'),
    name: '',
    tags: tagsOf(query, 'spot-instances-request'),
    madeAt: Date.now(),
    state: 'active',
    isPersistent: options.in('SpotOptions').text('SpotInstanceType') === 'persistent',
  };
  state.spotRequests.push(request);
  return request;
}

function described(state: Ec2State, instance: FakeInstance): Xml {
  const network = instance.query.in('NetworkInterface.1');
  const subnet = state.subnets.find(({ id }) => id === network.text('SubnetId'));
  const isUp = instance.state === 'running';
  return {
    instanceId: instance.id,
    instanceState: { name: instance.state },
    instanceType: instance.query.text('InstanceType'),
    placement: { availabilityZone: subnet?.zone },
    privateIpAddress: '172.31.0.7',
    ipAddress: isUp && network.text('AssociatePublicIpAddress') === 'true' ? '203.0.113.7' : undefined,
    clientToken: instance.token,
    spotInstanceRequestId: instance.spot?.id,
  };
}

function each(state: Ec2State, query: Query, from: readonly string[], now: string, later: string): Xml {
  for (const id of query.texts('InstanceId')) {
    const instance = state.instance(id);
    if (!from.includes(instance.state))
      throw new Ec2Failure(
        'IncorrectInstanceState',
        `The instance '${id}' is not in a state from which it can be changed.`,
      );
    if (instance.state !== now && instance.state !== later) state.turn(instance, now, later);
  }
  return { instancesSet: [] };
}

function group_(state: Ec2State, id: string): Ec2State['groups'][number] {
  const found = state.groups.find((each) => each.id === id && state.isVisible(each));
  if (found === undefined) throw new Ec2Failure('InvalidGroup.NotFound', `The security group '${id}' does not exist`);
  return found;
}

type GroupRule = Ec2State['groups'][number]['rules'][number];

/** One network of a permission in a request. */
interface Ingress {
  readonly rule: Omit<GroupRule, 'sources'>;
  readonly source: string;
}

function ingressOf(query: Query): readonly Ingress[] {
  return query.list('IpPermissions').flatMap((permission) => {
    const [protocol = '', from, to] = [
      permission.text('IpProtocol'),
      Number(permission.text('FromPort')),
      Number(permission.text('ToPort')),
    ];
    const sources = [
      ...permission.list('IpRanges').map((each) => each.text('CidrIp')),
      ...permission.list('Ipv6Ranges').map((each) => each.text('CidrIpv6')),
    ];
    return sources.map((source) => ({ rule: { protocol, from, to }, source: String(source) }));
  });
}

function ruleOf(group: Ec2State['groups'][number], { protocol, from, to }: Ingress['rule']): GroupRule | undefined {
  return group.rules.find((each) => each.protocol === protocol && each.from === from && each.to === to);
}

function tagsOf(query: Query, type: string): Tags {
  const specification = query.list('TagSpecification').find((each) => each.text('ResourceType') === type);
  return Object.fromEntries(
    (specification?.list('Tag') ?? []).map((tag) => [tag.text('Key') ?? '', tag.text('Value') ?? '']),
  );
}

function filter(query: Query, name: string): string[] {
  return (
    query
      .list('Filter')
      .find((each) => each.text('Name') === name)
      ?.texts('Value') ?? []
  );
}

/** Those that are visible and carry the tags of the request's filters, or have the names it asks for. */
function matching<T extends Owned>(state: Ec2State, all: readonly T[], query: Query): T[] {
  const tags = query.list('Filter').filter((each) => each.text('Name')?.startsWith('tag:'));
  const names = query.texts('KeyName');
  return all.filter(
    (one) =>
      state.isVisible(one) &&
      (names.length === 0 || names.includes(one.name)) &&
      tags.every((each) => each.texts('Value').includes(one.tags[each.text('Name')?.slice(4) ?? ''] ?? '')),
  );
}
