import type { IpPermission } from '@aws-sdk/client-ec2';
import type { OwnFirewall } from '../cloud/fit-firewall.ts';
import { type PortRange, rangeOf } from '../cloud/ports.ts';
import { openedBy } from '../cloud/rule-cover.ts';
import type { Ec2Client } from './client.ts';
import { ec2Code } from './errors.ts';

/** A rule of a security group: a range of ports from one network. EC2 shows those of the same ports as one permission. */
interface Rule {
  readonly protocol: string;
  readonly from: number | undefined;
  readonly to: number | undefined;
  readonly network: string;
}

/** Kind of the security group's entry in the journal. */
export const SECURITY_GROUP = 'security-group';

/** The machine's own security group, to be changed. What it lets in from other groups or prefix lists is people's and not looked at. */
export function ownFirewall(ec2: Ec2Client): OwnFirewall<Rule> {
  return {
    kind: SECURITY_GROUP,
    read: async (id, signal) => {
      const request = { GroupIds: [id] };
      const call = ec2.read((api, send) => api.describeSecurityGroups(request, send), signal);
      const found = await call.catch((error: unknown) => {
        if (/^InvalidGroup(Id)?\.NotFound$/.test(ec2Code(error) ?? '')) return undefined;
        throw error;
      });
      return found?.SecurityGroups?.[0]?.IpPermissions?.flatMap(rulesIn) ?? undefined;
    },
    opens: ({ protocol, from, to, network }) => rangeOf(protocol, `${from}-${to}`, [network]),
    rules: openedBy,
    write: async (GroupId, { added, removed }, signal) => {
      const change = async (verb: 'authorize' | 'revoke', rules: readonly Rule[]): Promise<void> => {
        if (rules.length === 0) return;
        const request = { GroupId, IpPermissions: rules.map(permissionOf) };
        const call = {
          action: `${verb === 'revoke' ? 'Revoke' : 'Authorize'}SecurityGroupIngress`,
          parameters: request,
        };
        await ec2.change<unknown>(
          call,
          (api, send) => api[`${verb}SecurityGroupIngress`](request, send),
          undefined,
          signal,
        );
      };
      await change('authorize', added);
      await change('revoke', removed);
    },
  };
}

/** What a new group lets in: a permission for each range. */
export function permissionsOf(ports: readonly PortRange[]): IpPermission[] {
  return ports.map(({ protocol, from, to, sources = ['0.0.0.0/0', '::/0'] }) => {
    const of = (isWanted: (network: string) => boolean): readonly string[] => sources.filter(isWanted);
    const [v6, v4] = [of((each) => each.includes(':')), of((each) => !each.includes(':'))];
    return {
      IpProtocol: protocol,
      FromPort: from,
      ToPort: to,
      ...(v4.length > 0 && { IpRanges: v4.map((CidrIp) => ({ CidrIp })) }),
      ...(v6.length > 0 && { Ipv6Ranges: v6.map((CidrIpv6) => ({ CidrIpv6 })) }),
    };
  });
}

function rulesIn({ IpProtocol = '', FromPort, ToPort, IpRanges = [], Ipv6Ranges = [] }: IpPermission): readonly Rule[] {
  const networks = [...IpRanges.map(({ CidrIp }) => CidrIp), ...Ipv6Ranges.map(({ CidrIpv6 }) => CidrIpv6)];
  return networks.flatMap((network) =>
    network === undefined ? [] : [{ protocol: IpProtocol, from: FromPort, to: ToPort, network }],
  );
}

function permissionOf({ protocol, from, to, network }: Rule): IpPermission {
  const ranges = network.includes(':') ? { Ipv6Ranges: [{ CidrIpv6: network }] } : { IpRanges: [{ CidrIp: network }] };
  return { IpProtocol: protocol, FromPort: from, ToPort: to, ...ranges };
}
