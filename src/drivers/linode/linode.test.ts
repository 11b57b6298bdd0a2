import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CloudBench } from '../../../test/clouds/bench.ts';
import { testFirewall } from '../../../test/clouds/firewalls.ts';
import { startLinode, TOKEN } from '../../../test/clouds/linode-server.ts';
import { RestFailure } from '../../../test/clouds/rest.ts';
import { testCloud } from '../../../test/clouds/suites.ts';
import type { OptionValues } from '../options.ts';
import { driver } from './linode.ts';

const signal = new AbortController().signal;
const DELAY_MS = 8;

const { worldOf, withCloud } = testCloud('linode', {
  driver,
  start: () => startLinode(),
  startSlow: () => startLinode(DELAY_MS),
  account: ({ url }) => ({
    options: { 'linode-url': url },
    env: { LINODE_TOKEN: TOKEN },
    wrongCredentials: { LINODE_TOKEN: 'wrong' },
  }),
  steps: 5,
  dryRun: [/make an SSH key/, /POST .*firewalls/, /POST .*instances/],
});

describe('linode', () => {
  testFirewall(
    {
      rules: ({ state }) => {
        type Rule = { protocol: string; ports: string; addresses: { ipv4?: string[]; ipv6?: string[] } };
        const { inbound } = (state.firewalls[0]?.body.rules ?? { inbound: [] }) as { inbound: readonly Rule[] };
        return inbound.map(({ protocol, ports, addresses: { ipv4 = [], ipv6 = [] } }) => {
          return `${ports}/${protocol.toLowerCase()} from ${[...ipv4, ...ipv6].join()}`;
        });
      },
      addForeign: ({ state }) => {
        const { inbound } = (state.firewalls[0]?.body.rules ?? { inbound: [] }) as { inbound: unknown[] };
        const addresses = { ipv4: ['192.0.2.77/32'] };
        inbound.push({ label: 'mine', action: 'ACCEPT', protocol: 'TCP', ports: '9100', addresses });
      },
    },
    withCloud,
  );

  it('makes a tagged Linode behind a firewall for exactly the needed ports', () =>
    withCloud(async (server, bench) => {
      const options = { 'linode-open-port': ['7000-7010/udp'], 'linode-tags': ['bees'], 'linode-image': 'Debian 12' };
      const machine = bench.driver({ options, ports: [22, 2376, 3376] });
      await machine.create(signal);
      const tags = ['enxame-machine=bee-1', 'enxame-id=m4ch1ne', 'bees'];
      const [firewall] = server.state.firewalls;
      expect(firewall?.tags).toEqual(tags);
      expect(server.state.linodes[0]?.body).toMatchObject({
        label: 'bee-1',
        region: 'us-east',
        type: 'g6-standard-1',
        image: 'linode/debian12',
        tags,
        authorized_keys: [expect.stringMatching(/^ssh-ed25519 /)],
        interface_generation: 'linode',
        interfaces: [{ public: {}, firewall_id: firewall?.id }],
      });
      const { inbound } = (firewall?.body.rules ?? {}) as { inbound: { protocol: string; ports: string }[] };
      expect(inbound.map(({ protocol, ports }) => `${ports}/${protocol}`)).toEqual([
        '22/TCP',
        '2376/TCP',
        '3376/TCP',
        '7000-7010/UDP',
      ]);
      expect(await machine.state(signal)).toBe('Running');
      expect(await machine.labels(signal)).toEqual({ region: 'us-east', 'instance-type': 'g6-standard-1' });
      expect(await machine.shell(signal)).toMatchObject({ kind: 'ssh', host: '203.0.113.21', user: 'root', port: 22 });
    }));

  it('reaches it at its IPv6 address, in its VPC or at its private address', () =>
    withCloud(async (server, bench) => {
      const outside = bench.driver({ options: { 'linode-use-ipv6': true } });
      await outside.create(signal);
      expect(await outside.url(signal)).toBe('tcp://[2001:db8:7::1]:2376');
      await outside.remove(signal);
      const vpc = { 'linode-vpc-subnet': 'hive/bees', 'linode-use-private-network': true };
      const inside = bench.driver({ options: vpc });
      await inside.create(signal);
      expect(server.state.linodes[0]?.body.interfaces).toMatchObject([{ public: {} }, { vpc: { subnet_id: 51 } }]);
      expect(await inside.ip(signal)).toBe('10.0.0.7');
      await inside.remove(signal);
      server.state.generation = 'legacy_config';
      const legacy = bench.driver({
        options: {
          'linode-interface-generation': 'legacy_config',
          'linode-create-private-ip': true,
          'linode-use-private-network': true,
        },
      });
      await legacy.create(signal);
      expect(server.state.linodes[0]?.body).toMatchObject({ firewall_id: server.state.firewalls[0]?.id });
      expect(await legacy.ip(signal)).toBe('192.168.130.7');
    }));

  it('hands over user data and shows neither it nor a password', () =>
    withCloud(async (server, bench) => {
      const file = join(bench.folder, 'data');
      await writeFile(file, '#cloud-config\n');
      const seen: unknown[] = [];
      const machine = bench.driver({
        options: { 'linode-user-data-file': file, 'linode-root-pass': 'gorgulho-e-mel' },
        change: (call, make) => {
          seen.push(call);
          return make();
        },
      });
      await machine.create(signal);
      const { metadata, root_pass } = server.state.linodes[0]?.body ?? {};
      expect(metadata).toEqual({ user_data: Buffer.from('#cloud-config\n').toString('base64') });
      expect(root_pass).toBe('gorgulho-e-mel');
      expect(JSON.stringify(seen)).not.toMatch(/gorgulho|I2Nsb3Vk/);
    }));

  it.each<[string, string]>([
    ['a', 'enxame-a'],
    ['--bee..2--', 'bee.2'],
    ['x'.repeat(63), 'x'.repeat(63)],
  ])('labels the machine %s so that Linode takes it', async (name, label) => {
    const server = await startLinode();
    const bench = await CloudBench.open({ ...worldOf(server), name });
    await bench.driver().create(signal);
    expect(server.state.linodes[0]?.label).toBe(label);
    await bench.close();
    await server.close();
  });

  it('is patient with limits of rate and with busy Linodes', () =>
    withCloud(async (server, bench) => {
      server.throttle(2);
      const machine = bench.driver();
      await machine.create(signal);
      await machine.state(signal);
      server.fail(/POST .*shutdown/, new RestFailure(400, '', 'Linode busy.'), 2);
      await machine.kill(signal);
      expect(await machine.state(signal)).toBe('Stopped');
    }));

  it('goes on with a new token after the first one expired in the middle', () =>
    withCloud(async (server, bench) => {
      const machine = bench.driver({
        change: async ({ action }, make) => {
          const made = await make();
          if (action.startsWith('POST')) server.state.token = 'another';
          return made;
        },
      });
      await expect(machine.create(signal)).rejects.toMatchObject({ code: 'BAD_CREDENTIALS' });
      expect(server.state.existing()).toHaveLength(1);
      const later = bench.driver({ options: { 'linode-token': 'another' } });
      await later.create(signal);
      expect(server.state.existing()).toHaveLength(2);
      await later.remove(signal);
      expect(server.state.existing()).toEqual([]);
      server.state.token = TOKEN;
    }));

  it("signs in as linode-cli's default user", async () => {
    const server = await startLinode();
    const folder = await mkdtemp(join(tmpdir(), 'linode-cli-'));
    await mkdir(join(folder, 'empty'));
    const config = `[DEFAULT]\ndefault-user = bee\n\n[wasp]\ntoken = no\n\n[bee]\nregion = us-east\ntoken = ${TOKEN}\n`;
    await writeFile(join(folder, 'linode-cli'), config);
    const signedIn = await CloudBench.open({ ...worldOf(server), env: { XDG_CONFIG_HOME: folder } });
    await signedIn.driver().check(signal);
    const bench = await CloudBench.open({ ...worldOf(server), env: { XDG_CONFIG_HOME: join(folder, 'empty') } });
    await expect(bench.driver().check(signal)).rejects.toThrow(/there is no token for Linode/);
    await signedIn.close();
    await bench.close();
    await server.close();
    await rm(folder, { recursive: true });
  });

  const failures: readonly (readonly [RegExp, RestFailure, RegExp])[] = [
    [/POST .*instances/, new RestFailure(403, '', 'Unauthorized'), /scope for Linodes and Firewalls/],
    [/POST .*firewalls/, new RestFailure(400, '', 'Account Limit reached.'), /ask for a higher limit/],
    [
      /POST .*instances/,
      new RestFailure(400, 'region', 'The selected plan is not available in this region'),
      /Try another --linode-region/,
    ],
    [
      /POST .*instances/,
      new RestFailure(400, 'interface_generation', 'legacy_config only'),
      /Give the other --linode-interface-generation/,
    ],
    [/POST .*instances/, new RestFailure(400, 'label', 'Label must be unique'), /Take another name/],
  ];
  it.each(failures)('explains a failure of %s', (call, failure, text) =>
    withCloud(async (server, bench) => {
      server.fail(call, failure, 1);
      const machine = bench.driver();
      await expect(machine.create(signal)).rejects.toThrow(text);
      await machine.remove(signal);
      expect(server.state.existing()).toEqual([]);
    }),
  );

  const misfits: readonly (readonly [OptionValues, RegExp])[] = [
    [{ 'linode-region': 'us-eats' }, /has no region us-eats\. Did you mean us-east/],
    [{ 'linode-region': 'ap-old' }, /region ap-old has no Cloud Firewall\. These have: us-east, eu-central/],
    [{ 'linode-instance-type': 'g6-standrd-2' }, /has no type g6-standrd-2\. Did you mean g6-standard-2/],
    [{ 'linode-instance-type': 'g6-dedicated-2' }, /has no type g6-dedicated-2 in us-east/],
    [{ 'linode-image': 'debian13' }, /has no image debian13\. Did you mean linode\/debian13\?/],
    [{ 'linode-image': 'linode/debian8' }, /has no image linode\/debian8\. Did you mean linode\/debian1[23]/],
    [{ 'linode-vpc-subnet': 'hive/wasps' }, /has no VPC subnet hive\/wasps in us-east/],
    [{ 'linode-ssh-key-path': '/nowhere/key' }, /cannot be read/],
  ];
  it.each(misfits)('finds out about %o before anything is made', (options, text) =>
    withCloud(async (server, bench) => {
      await expect(bench.driver({ options }).check(signal)).rejects.toThrow(text);
      expect(server.state.existing()).toEqual([]);
    }),
  );

  const mistakes: readonly (readonly [OptionValues, RegExp])[] = [
    [{ 'linode-use-private-network': true }, /needs a network/],
    [{ 'linode-create-private-ip': true }, /needs --linode-interface-generation legacy_config/],
    [{ 'linode-use-private-network': true, 'linode-vpc-subnet': '51', 'linode-use-ipv6': true }, /exclude each other/],
    [{ 'linode-interface-generation': 'new' }, /is none of linode, legacy_config/],
  ];
  it.each(mistakes)('refuses %o', (options, text) =>
    withCloud(async (_server, bench) => {
      expect(() => bench.driver({ options })).toThrow(text);
    }),
  );

  it('finds out that the name is taken before anything is made', () =>
    withCloud(async (server, bench) => {
      await bench.driver().create(signal);
      server.state.linodes.splice(0, 1, { ...server.state.linodes[0], tags: [] } as never);
      await expect(bench.driver().check(signal)).rejects.toThrow(/has a Linode bee-1 already/);
    }));
});
