import { describe, expect, it } from 'vitest';
import type { OpenOptions } from '../../../test/clouds/bench.ts';
import { Ec2Failure } from '../../../test/clouds/ec2/ec2-failure.ts';
import { ACCESS_KEY, SECRET_KEY, startEc2 } from '../../../test/clouds/ec2/ec2-server.ts';
import { testFirewall, v4First } from '../../../test/clouds/firewalls.ts';
import { testCloud } from '../../../test/clouds/suites.ts';
import { driver } from './amazonec2.ts';

const signal = new AbortController().signal;
const env = { AWS_ACCESS_KEY_ID: ACCESS_KEY, AWS_SECRET_ACCESS_KEY: SECRET_KEY };
const slow = { visibleMs: 30, stepMs: 30 };

const { withCloud } = testCloud('amazonec2', {
  driver,
  start: () => startEc2(),
  startSlow: () => startEc2(slow),
  account: ({ url }) => ({
    options: { 'amazonec2-endpoint': url },
    env,
    wrongCredentials: { AWS_SECRET_ACCESS_KEY: 'wrong' },
  }),
  steps: 8,
  dryRun: [/make an SSH key/, /ImportKeyPair/, /CreateSecurityGroup/, /AuthorizeSecurityGroupIngress/, /RunInstances/],
});

describe('amazonec2', () => {
  testFirewall(
    {
      rules: ({ state }) =>
        (state.groups[0]?.rules ?? []).flatMap(({ protocol, from, sources, group }) =>
          group === undefined ? [`${from}/${protocol} from ${sources.toSorted(v4First).join()}`] : [],
        ),
      addForeign: ({ state }) => {
        state.groups[0]?.rules.push(
          { protocol: 'tcp', from: 9100, to: 9100, sources: ['192.0.2.77/32'] },
          { protocol: 'tcp', from: 2377, to: 2379, sources: [], group: 'sg-other' },
        );
      },
    },
    withCloud,
  );

  it('leaves other groups that people let in, and says where EC2 has no place for more rules', () =>
    withCloud(async (server, bench) => {
      const members = new Map([['7946/tcp', ['192.0.2.1/32']]]);
      const machine = bench.driver({ ports: [22, 2376, 7946], sources: new Map([['7946/tcp', []]]) });
      await machine.create(signal);
      const [group] = server.state.groups;
      group?.rules.push({ protocol: 'tcp', from: 7946, to: 7946, sources: [], group: 'sg-other' });
      const full = new Ec2Failure('RulesPerSecurityGroupLimitExceeded', 'The maximum number of rules is reached.');
      server.fail('AuthorizeSecurityGroupIngress', full, 1);
      await expect(machine.fitFirewall?.(members, signal)).rejects.toThrow(/maximum number of rules.*"Service Quotas"/);
      await machine.fitFirewall?.(members, signal);
      await machine.fitFirewall?.(new Map([['7946/tcp', []]]), signal);
      expect(group?.rules.find(({ from }) => from === 7946)).toMatchObject({ sources: [], group: 'sg-other' });
    }));

  it('asks for IMDSv2, a gp3 disk, tags on everything, and boots the newest image', () =>
    withCloud(async (server, bench) => {
      await bench.driver({ options: { 'amazonec2-tags': 'team,bees' } }).create(signal);
      const [instance] = server.state.instances;
      expect(instance?.tags).toEqual({
        Name: 'bee-1',
        team: 'bees',
        'enxame-machine': 'bee-1',
        'enxame-id': 'm4ch1ne',
      });
      const query = instance?.query;
      expect(query?.text('ImageId')).toBe('ami-0b');
      expect(query?.text('InstanceType')).toBe('t3.small');
      expect(query?.text('MetadataOptions.HttpTokens')).toBe('required');
      expect(query?.text('BlockDeviceMapping.1.Ebs.VolumeType')).toBe('gp3');
      expect(query?.text('BlockDeviceMapping.1.DeviceName')).toBe('/dev/xvda');
      const tagged = query?.list('TagSpecification').map((each) => each.text('ResourceType'));
      expect(tagged).toEqual(['instance', 'volume', 'network-interface']);
      for (const { tags } of [...server.state.groups, ...server.state.keyPairs])
        expect(tags['enxame-id']).toBe('m4ch1ne');
    }));

  it('opens exactly the needed ports, for IPv4 and IPv6', () =>
    withCloud(async (server, bench) => {
      const options = { 'amazonec2-open-port': ['8080', '7000-7010/udp', '22'] };
      await bench.driver({ options, ports: [22, 2376, 3376] }).create(signal);
      const sources = ['0.0.0.0/0', '::/0'];
      expect(server.state.groups.map(({ rules }) => rules)).toEqual([
        [
          { protocol: 'tcp', from: 22, to: 22, sources },
          { protocol: 'tcp', from: 2376, to: 2376, sources },
          { protocol: 'tcp', from: 3376, to: 3376, sources },
          { protocol: 'tcp', from: 8080, to: 8080, sources },
          { protocol: 'udp', from: 7000, to: 7010, sources },
        ],
      ]);
    }));

  it('says where it is and how to log in', () =>
    withCloud(async (server, bench) => {
      const machine = bench.driver();
      await machine.create(signal);
      await machine.state(signal);
      expect(await machine.labels(signal)).toEqual({
        region: 'us-east-1',
        zone: 'us-east-1b',
        'instance-type': 't3.small',
      });
      expect(await machine.shell(signal)).toMatchObject({ kind: 'ssh', host: '203.0.113.7', user: 'admin', port: 22 });
      expect(await machine.url(signal)).toBe('tcp://203.0.113.7:2376');
      expect(server.state.keyPairs[0]?.publicKey).toMatch(/^ssh-ed25519 AAAA/);
    }));

  it.each([
    ['amazonec2-use-private-address', '172.31.0.7'],
    ['amazonec2-private-address-only', '172.31.0.7'],
  ])('--%s', (flag, address) =>
    withCloud(async (server, bench) => {
      const machine = bench.driver({ options: { [flag]: true } });
      await machine.create(signal);
      expect(await machine.ip(signal)).toBe(address);
      const isPublic = server.state.instances[0]?.query.text('NetworkInterface.1.AssociatePublicIpAddress');
      expect(isPublic).toBe(flag === 'amazonec2-private-address-only' ? 'false' : 'true');
    }),
  );

  it('takes an image for the processor of the instance type', () =>
    withCloud(async (server, bench) => {
      await bench.driver({ options: { 'amazonec2-instance-type': 't4g.small' } }).create(signal);
      expect(server.state.instances[0]?.query.text('ImageId')).toBe('ami-0c');
    }));

  it('uses given security groups as they are', () =>
    withCloud(async (server, bench) => {
      const rules = [{ protocol: 'tcp', from: 0, to: 1024, sources: [] }];
      server.state.groups.push({ id: 'sg-own', name: 'ours', vpc: 'vpc-1', rules, tags: {}, madeAt: 0 });
      const options = { 'amazonec2-security-group': ['ours'] };
      await expect(bench.driver({ options }).check(signal)).rejects.toThrow(
        /does not let 2376\/tcp through\. Add that, or/,
      );
      const machine = bench.driver({ options: { ...options, 'amazonec2-security-group-readonly': true } });
      await machine.create(signal);
      expect(server.state.instances[0]?.group).toEqual(['sg-own']);
      await machine.remove(signal);
      expect(server.state.existing()).toEqual(['sg-own']);
      expect(rules).toHaveLength(1);
    }));

  it('is patient when it is told to slow down', () =>
    withCloud(async (server, bench) => {
      server.throttle(2);
      await bench.driver().create(signal);
      expect(server.state.instances).toHaveLength(1);
    }));

  it('waits for spot capacity and says why', () =>
    withCloud(async (server, bench) => {
      server.fail('RunInstances', new Ec2Failure('InsufficientInstanceCapacity', 'We have no t3.small.', 400), 2);
      const machine = bench.driver({ options: spot });
      await machine.create(signal);
      expect(bench.said).toContain('waiting for spot capacity: InsufficientInstanceCapacity');
      const [request] = server.state.spotRequests;
      expect(request?.tags['enxame-id']).toBe('m4ch1ne');
      expect(await machine.labels(signal)).toMatchObject({ 'instance-type': 't3.small', spot: 'true' });
      await machine.remove(signal);
      expect(server.state.existing()).toEqual([]);
    }));

  it('gives up waiting for spot capacity and leaves nothing', () =>
    withCloud(async (server, bench) => {
      server.fail('RunInstances', new Ec2Failure('SpotMaxPriceTooLow', 'Your price is too low.', 400), 1_000);
      const machine = bench.driver({ options: { ...spot, 'amazonec2-spot-price': '0.001' } });
      await expect(machine.create(signal)).rejects.toThrow(
        /no spot capacity for t3\.small in 5 minutes \(SpotMaxPriceTooLow\)\. Try/,
      );
      await machine.remove(signal);
      expect(server.state.existing()).toEqual([]);
    }));

  it('cancels a persistent spot request, which would run the machine again', () =>
    withCloud(async (server, bench) => {
      const machine = bench.driver({ options: { ...spot, 'amazonec2-spot-interruption': 'stop' } });
      await machine.create(signal);
      await machine.stop(signal);
      expect(await machine.state(signal)).toBe('Stopped');
      await machine.remove(signal);
      expect(server.actions().indexOf('CancelSpotInstanceRequests')).toBeLessThan(
        server.actions().indexOf('TerminateInstances'),
      );
      expect(server.state.existing()).toEqual([]);
    }));

  it('finds its instance when the newest image is another one by now', () =>
    withCloud(async (server, bench) => {
      await bench
        .driver({ cut: { atChange: 5 } })
        .create(signal)
        .catch(() => undefined);
      expect(server.state.instances).toHaveLength(1);
      await bench.driver({ options: { 'amazonec2-image': 'ubuntu-24.04' } }).create(signal);
      expect(server.state.instances).toHaveLength(1);
    }));

  const failures: readonly (readonly [string, Ec2Failure, RegExp])[] = [
    [
      'RunInstances',
      new Ec2Failure(
        'VcpuLimitExceeded',
        'You have requested more vCPU capacity than your current vCPU limit of 32 allows.',
      ),
      /vCPU limit of 32 allows\. Remove .* "Service Quotas"/,
    ],
    [
      'RunInstances',
      new Ec2Failure('InsufficientInstanceCapacity', 'There is no Spot capacity.'),
      /Try another --amazonec2-zone/,
    ],
    [
      'RunInstances',
      new Ec2Failure(
        'UnauthorizedOperation',
        'You are not authorized. Encoded authorization failure message: abc',
        403,
      ),
      /You are not authorized\. Ask for that permission/,
    ],
    [
      'CreateSecurityGroup',
      new Ec2Failure('SecurityGroupLimitExceeded', 'The maximum number of security groups has been reached.'),
      /Remove what is not needed/,
    ],
  ];
  it.each(failures)('explains a failure of %s', (action, failure, text) =>
    withCloud(async (server, bench) => {
      server.fail(action, failure, 1);
      const machine = bench.driver();
      const error: unknown = await machine.create(signal).catch((reason: unknown) => reason);
      expect(String((error as Error).message)).toMatch(text);
      expect(String((error as Error).message)).toMatch(/^Amazon EC2 in us-east-1: [^\n]+$/);
      await machine.remove(signal);
      expect(server.state.existing()).toEqual([]);
    }),
  );

  const mistakes: readonly (readonly [OpenOptions['options'], RegExp])[] = [
    [{ 'amazonec2-spot-price': '1' }, /is for spot instances/],
    [{ 'amazonec2-keypair-name': 'x' }, /needs its private key/],
    [{ 'amazonec2-tags': 'a,b,c' }, /no list of keys and values/],
    [{ 'amazonec2-tags': 'aws:x,b' }, /cannot be a tag's key/],
    [{ 'amazonec2-open-port': ['http'] }, /is not a port like/],
    [{ 'amazonec2-zone': 'everywhere' }, /is no availability zone like/],
  ];
  it.each(mistakes)('refuses %o', (options, text) =>
    withCloud(async (_server, bench) => {
      expect(() => bench.driver({ options: options ?? {} })).toThrow(text);
    }),
  );

  const missing: readonly (readonly [OpenOptions['options'], RegExp])[] = [
    [{ 'amazonec2-ami': 'ami-0123' }, /ami-0123.* does not exist/],
    [
      { 'amazonec2-instance-type': 'x9.huge' },
      /has no instance type x9\.huge in us-east-1\. There are: t3\.small, t4g\.small, m7i\.large/,
    ],
    [{ 'amazonec2-instance-type': 'm6i.large' }, /Did you mean m7i\.large\?/],
    [{ 'amazonec2-subnet-id': 'subnet-zz' }, /subnet-zz.* does not exist/],
    [
      { 'amazonec2-subnet-id': 'subnet-a', 'amazonec2-zone': 'b' },
      /lies in us-east-1a, not in --amazonec2-zone us-east-1b/,
    ],
    [{ 'amazonec2-security-group': ['nobody'] }, /no security group nobody in vpc-1/],
    [{ 'amazonec2-ssh-keypath': '/nowhere/key' }, /cannot be read/],
  ];
  it.each(missing)('finds out about %o before anything is made', (options, text) =>
    withCloud(async (server, bench) => {
      await expect(bench.driver({ options: options ?? {} }).check(signal)).rejects.toThrow(text);
      expect(server.state.existing()).toEqual([]);
    }),
  );
});

const spot = { 'amazonec2-request-spot-instance': true };
