import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CloudBench } from '../../../test/clouds/bench.ts';
import { byPort, testFirewall } from '../../../test/clouds/firewalls.ts';
import { RestFailure } from '../../../test/clouds/rest.ts';
import { testCloud } from '../../../test/clouds/suites.ts';
import { API_KEY, startVultr } from '../../../test/clouds/vultr-server.ts';
import { ownKey } from '../cloud/key-files.ts';
import type { OptionValues } from '../options.ts';
import { driver } from './vultr.ts';

const signal = new AbortController().signal;
const DELAY_MS = 8;

const RULES = Array.from({ length: 4 }, () => /POST .*firewalls\/<firewall group>\/rules/);

const { worldOf, withCloud } = testCloud('vultr', {
  driver,
  start: () => startVultr(),
  startSlow: () => startVultr(DELAY_MS),
  account: ({ url }) => ({
    options: { 'vultr-api-url': url },
    env: { VULTR_API_KEY: API_KEY },
    wrongCredentials: { VULTR_API_KEY: 'wrong' },
  }),
  steps: 9,
  dryRun: [/make an SSH key/, /POST .*ssh-keys/, /POST .*firewalls/, ...RULES, /POST .*instances/],
});

describe('vultr', () => {
  testFirewall(
    {
      rules: ({ state }) => {
        const rules = state.groups[0]?.rules ?? [];
        return byPort(
          rules.map(({ protocol, port, subnet, subnet_size }) => [`${port}/${protocol}`, `${subnet}/${subnet_size}`]),
        );
      },
      addForeign: ({ state }) => {
        const where = { ip_type: 'v4', subnet: '192.0.2.77', subnet_size: 32 };
        state.groups[0]?.rules.push({ ...where, protocol: 'tcp', port: '9100', id: 999, action: 'accept' });
      },
    },
    withCloud,
  );

  it('makes a tagged instance behind a firewall for exactly the needed ports', () =>
    withCloud(async (server, bench) => {
      const options = { 'vultr-open-port': ['7000-7010/udp'], 'vultr-tags': ['bees'] };
      const machine = bench.driver({ options, ports: [22, 2376] });
      await machine.create(signal);
      const [group] = server.state.groups;
      expect(server.state.instances[0]?.body).toMatchObject({
        label: 'bee-1',
        hostname: 'bee-1',
        region: 'ewr',
        plan: 'vc2-1c-2gb',
        os_id: 2625,
        tags: ['enxame-machine=bee-1', 'enxame-id=m4ch1ne', 'bees'],
        firewall_group_id: group?.id,
        sshkey_id: [server.state.keys[0]?.id],
        user_data: Buffer.from('#cloud-config\nruncmd:\n  - ufw disable || true\n').toString('base64'),
      });
      expect(group?.rules.map(({ ip_type, port, protocol }) => `${ip_type} ${port}/${protocol}`)).toEqual([
        'v4 22/tcp',
        'v6 22/tcp',
        'v4 2376/tcp',
        'v6 2376/tcp',
        'v4 7000:7010/udp',
        'v6 7000:7010/udp',
      ]);
      expect(await machine.state(signal)).toBe('Running');
      expect(await machine.labels(signal)).toEqual({ region: 'ewr', 'instance-type': 'vc2-1c-2gb' });
      expect(await machine.shell(signal)).toMatchObject({ kind: 'ssh', host: '203.0.113.31', user: 'root', port: 22 });
    }));

  it('reaches it at its IPv6 address or in its VPC', () =>
    withCloud(async (server, bench) => {
      const outside = bench.driver({ options: { 'vultr-use-ipv6': true } });
      await outside.create(signal);
      await outside.state(signal);
      expect(await outside.url(signal)).toBe('tcp://[2001:db8:8::1]:2376');
      await outside.remove(signal);
      const inside = bench.driver({ options: { 'vultr-vpc-ids': ['hive'], 'vultr-use-private-network': true } });
      await inside.create(signal);
      expect(server.state.instances[0]?.body.attach_vpc).toEqual(['vpc-1']);
      expect(await inside.ip(signal)).toBe('10.1.96.3');
    }));

  it('uses what it is given and leaves it there', () =>
    withCloud(async (server, bench) => {
      const { path, publicKey } = await ownKey({
        directory: bench.folder,
        name: 'mine',
        change: (_call, make) => make(),
      });
      server.state.keys.push({ id: 'k1', body: { name: 'laptop', ssh_key: `${publicKey} me@home` }, madeAt: 0 });
      server.state.groups.push({ id: 'g1', body: { description: 'shared' }, madeAt: 0, rules: [] });
      await writeFile(join(bench.folder, 'data'), '#!/bin/sh\n');
      const options = {
        'vultr-ssh-key-path': path,
        'vultr-firewall-group-id': 'g1',
        'vultr-user-data-file': join(bench.folder, 'data'),
      };
      // By its content, though the account knows it under another name, and by that name.
      for (const more of [{}, { 'vultr-ssh-key-ids': ['laptop'] }]) {
        const machine = bench.driver({ options: { ...options, ...more } });
        await machine.create(signal);
        expect(server.state.instances[0]?.body).toMatchObject({
          sshkey_id: ['k1'],
          firewall_group_id: 'g1',
          user_data: Buffer.from('#!/bin/sh\n').toString('base64'),
        });
        const rest = server.state.existing().length;
        expect(rest).toBe(3);
        await bench.driver({ options }).remove(signal);
        expect(server.state.existing()).toEqual(['g1 shared', 'k1 laptop']);
      }
    }));

  it('is patient with limits of rate and with locked servers', () =>
    withCloud(async (server, bench) => {
      server.throttle(2);
      const machine = bench.driver();
      await machine.create(signal);
      await machine.state(signal);
      server.fail(/POST .*halt/, new RestFailure(500, '', 'Server is currently locked'), 2);
      await machine.kill(signal);
      expect(await machine.state(signal)).toBe('Stopped');
    }));

  it('goes on with a new key after the first one was withdrawn in the middle', () =>
    withCloud(async (server, bench) => {
      const machine = bench.driver({
        change: async ({ action }, make) => {
          const made = await make();
          if (action.endsWith('/rules')) server.state.apiKey = 'another';
          return made;
        },
      });
      await expect(machine.create(signal)).rejects.toMatchObject({ code: 'BAD_CREDENTIALS' });
      expect(server.state.existing()).toHaveLength(2);
      const later = bench.driver({ options: { 'vultr-api-key': 'another' } });
      await later.create(signal);
      expect(server.state.existing()).toHaveLength(3);
      expect(server.state.groups[0]?.rules).toHaveLength(4);
      await later.remove(signal);
      expect(server.state.existing()).toEqual([]);
      server.state.apiKey = API_KEY;
    }));

  it("signs in with vultr-cli's key", () =>
    withCloud(async (server, bench) => {
      await writeFile(join(bench.folder, '.vultr-cli.yaml'), `api-key: ${API_KEY}\n`);
      const signedIn = await CloudBench.open({ ...worldOf(server), env: { HOME: bench.folder } });
      await signedIn.driver().check(signal);
      const stranger = await CloudBench.open({ ...worldOf(server), env: { HOME: '/nowhere' } });
      await expect(stranger.driver().check(signal)).rejects.toThrow(/there is no API key for Vultr/);
      await signedIn.close();
      await stranger.close();
    }));

  const failures: readonly (readonly [RegExp, RestFailure, RegExp])[] = [
    [
      /POST .*firewalls/,
      new RestFailure(403, '', 'Unauthorized IP address: 203.0.113.9'),
      /203\.0\.113\.9\. Allow it under "Account", "API", "Access Control"/,
    ],
    [
      /POST .*instances/,
      new RestFailure(400, '', 'Server add failed: You have reached the maximum monthly fee limit for this account.'),
      /ask for a higher limit/,
    ],
    [
      /POST .*instances/,
      new RestFailure(400, '', 'Server add failed: Plan is not available in the selected datacenter.'),
      /Try another --vultr-region/,
    ],
    [/POST .*instances/, new RestFailure(403, '', 'Forbidden'), /needs the rights/],
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
    [{ 'vultr-region': 'ewt' }, /has no region ewt\. Did you mean ewr/],
    [{ 'vultr-vps-plan': 'vc2-1c-3gb' }, /has no plan vc2-1c-3gb\. Did you mean vc2-1c-[12]gb, vc2-/],
    [{ 'vultr-region': 'ams' }, /has no plan vc2-1c-2gb in ams\. Did you mean vc2-1c-1gb/],
    [{ 'vultr-os': 'Debian 14 x64' }, /has no operating system Debian 14 x64\. (Did you mean|There are)/],
    [{ 'vultr-firewall-group-id': 'g1' }, /has no firewall group g1\. There are: none/],
    [{ 'vultr-vpc-ids': ['far'] }, /has no VPC far in ewr\. There are: hive/],
    [{ 'vultr-ssh-key-ids': ['mine'], 'vultr-ssh-key-path': '/nowhere/key' }, /cannot be read/],
  ];
  it.each(misfits)('finds out about %o before anything is made', (options, text) =>
    withCloud(async (server, bench) => {
      await expect(bench.driver({ options }).check(signal)).rejects.toThrow(text);
      expect(server.state.existing()).toEqual([]);
    }),
  );

  const mistakes: readonly (readonly [OptionValues, RegExp])[] = [
    [{ 'vultr-use-private-network': true }, /needs a network/],
    [{ 'vultr-ssh-key-ids': ['k1'] }, /needs the private key/],
    [{ 'vultr-use-private-network': true, 'vultr-vpc-ids': ['hive'], 'vultr-use-ipv6': true }, /exclude each other/],
  ];
  it.each(mistakes)('refuses %o', (options, text) =>
    withCloud(async (_server, bench) => {
      expect(() => bench.driver({ options })).toThrow(text);
    }),
  );
});
