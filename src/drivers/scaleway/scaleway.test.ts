import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CloudBench } from '../../../test/clouds/bench.ts';
import { byPort, testFirewall } from '../../../test/clouds/firewalls.ts';
import { RestFailure } from '../../../test/clouds/rest.ts';
import { PROJECT, SECRET_KEY, startScaleway } from '../../../test/clouds/scaleway-server.ts';
import { testCloud } from '../../../test/clouds/suites.ts';
import type { OptionValues } from '../options.ts';
import { driver } from './scaleway.ts';

const signal = new AbortController().signal;
const DELAY_MS = 8;

const { worldOf, withCloud } = testCloud('scaleway', {
  driver,
  start: () => startScaleway(),
  startSlow: () => startScaleway(DELAY_MS),
  account: ({ url }) => ({
    options: { 'scaleway-api-url': url, 'scaleway-project-id': PROJECT },
    env: { SCW_SECRET_KEY: SECRET_KEY },
    wrongCredentials: { SCW_SECRET_KEY: 'wrong' },
  }),
  steps: 9,
  dryRun: [
    /make an SSH key/,
    /POST .*security_groups/,
    /PUT .*rules/,
    /POST .*ips/,
    /POST .*servers/,
    /PATCH .*volumes\/<root volume>/,
    /POST .*action \{"action":"poweron"\}/,
  ],
});

describe('scaleway', () => {
  testFirewall(
    {
      rules: ({ state }) => {
        const rules = state.security_groups[0]?.rules ?? [];
        return byPort(
          rules.map(({ protocol, dest_port_from: port, ip_range }) => [
            `${port}/${String(protocol).toLowerCase()}`,
            String(ip_range),
          ]),
        );
      },
      addForeign: ({ state }) => {
        const [group] = state.security_groups;
        if (!group) throw new Error('there is no group');
        const port = { dest_port_from: 9100, dest_port_to: null, ip_range: '192.0.2.77/32' };
        const rule = { action: 'accept', direction: 'inbound', protocol: 'TCP', ...port, position: 99, editable: true };
        group.rules = [...group.rules, rule];
      },
    },
    withCloud,
  );

  it('makes a tagged Instance behind a security group for exactly the needed ports', () =>
    withCloud(async (server, bench) => {
      const options = { 'scaleway-open-port': ['7000-7010/udp'], 'scaleway-tags': ['bees'] };
      const machine = bench.driver({ options, ports: [22, 2376] });
      await machine.create(signal);
      const tags = ['enxame-machine=bee-1', 'enxame-id=m4ch1ne', 'bees'];
      const [group] = server.state.security_groups;
      expect(group?.body).toMatchObject({ tags, inbound_default_policy: 'drop', outbound_default_policy: 'accept' });
      const rules = group?.rules.map(
        ({ protocol, ip_range, dest_port_from: from, dest_port_to: to }) => `${protocol} ${ip_range} ${from} ${to}`,
      );
      expect(rules).toEqual([
        'TCP 0.0.0.0/0 22 null',
        'TCP ::/0 22 null',
        'TCP 0.0.0.0/0 2376 null',
        'TCP ::/0 2376 null',
        'UDP 0.0.0.0/0 7000 7010',
        'UDP ::/0 7000 7010',
      ]);
      expect(server.state.servers[0]?.body).toMatchObject({
        name: 'bee-1',
        project: PROJECT,
        commercial_type: 'DEV1-S',
        image: 'sbs-debian_trixie-fr-par-1',
        volumes: { 0: { size: 20_000_000_000, volume_type: 'sbs_volume' } },
        security_group: group?.id,
        public_ips: [server.state.ips[0]?.id],
        tags: [...tags, expect.stringMatching(/^AUTHORIZED_KEY=ssh-ed25519_\S+$/)],
      });
      expect(server.state.volumes[0]?.body.tags).toEqual(tags);
      expect(server.state.ips[0]?.body).toMatchObject({ type: 'routed_ipv4', tags });
      await machine.state(signal);
      expect(await machine.state(signal)).toBe('Running');
      expect(await machine.labels(signal)).toEqual({ region: 'fr-par', zone: 'fr-par-1', 'instance-type': 'DEV1-S' });
      expect(await machine.shell(signal)).toMatchObject({ kind: 'ssh', host: '203.0.113.41', user: 'root', port: 22 });
    }));

  it('takes a volume on the host where the image is for that', () =>
    withCloud(async (server, bench) => {
      const machine = bench.driver({ options: { 'scaleway-image': 'debian_bookworm' } });
      await machine.create(signal);
      expect(server.state.localVolumes).toHaveLength(1);
      expect(server.state.localVolumes[0]?.body.tags).toContain('enxame-id=m4ch1ne');
    }));

  it('reaches it at its IPv6 address or in its Private Network, and hands over user data', () =>
    withCloud(async (server, bench) => {
      const outside = bench.driver({ options: { 'scaleway-use-ipv6': true } });
      await outside.create(signal);
      expect(server.state.ips.map(({ body }) => body.type)).toEqual(['routed_ipv6']);
      expect(await outside.url(signal)).toBe('tcp://[2001:db8:9::1]:2376');
      await outside.remove(signal);
      await writeFile(join(bench.folder, 'data'), '#cloud-config\n');
      const inside = bench.driver({
        options: {
          'scaleway-private-network': ['hive'],
          'scaleway-use-private-network': true,
          'scaleway-ipv6': true,
          'scaleway-user-data-file': join(bench.folder, 'data'),
        },
      });
      await inside.create(signal);
      expect(server.state.servers[0]?.nics).toMatchObject([{ private_network_id: 'pn-1' }]);
      expect(server.state.servers[0]?.userData).toBe('#cloud-config\n');
      expect(server.state.ips.map(({ body }) => body.type)).toEqual(['routed_ipv4', 'routed_ipv6']);
      expect(await inside.ip(signal)).toBe('172.16.4.2');
    }));

  it('removes its own volume and leaves one that was attached by hand', () =>
    withCloud(async (server, bench) => {
      const machine = bench.driver();
      await machine.create(signal);
      const [made] = server.state.servers;
      const theirs = { id: 'v1', body: { name: 'theirs', volume_type: 'sbs_volume' }, madeAt: 0 };
      server.state.volumes.push(theirs);
      server.state.servers.splice(0, 1, { ...made, volumes: [...(made?.volumes ?? []), theirs] } as never);
      await machine.remove(signal);
      expect(server.state.existing()).toEqual(['v1 theirs']);
    }));

  it('is patient with limits of rate and with passing states', () =>
    withCloud(async (server, bench) => {
      server.throttle(2);
      const machine = bench.driver();
      await machine.create(signal);
      await machine.state(signal);
      server.fail(/POST .*action/, new RestFailure(409, 'transient_state', 'resource is in a transient state'), 2);
      await machine.stop(signal);
      expect(await machine.state(signal)).toBe('Stopped');
    }));

  it('goes on with a new key after the first one expired in the middle', () =>
    withCloud(async (server, bench) => {
      const machine = bench.driver({
        change: async ({ action }, make) => {
          const made = await make();
          if (action.endsWith('/servers')) server.state.secretKey = 'another';
          return made;
        },
      });
      await expect(machine.create(signal)).rejects.toMatchObject({ code: 'BAD_CREDENTIALS' });
      const later = bench.driver({ options: { 'scaleway-token': 'another' } });
      await later.create(signal);
      expect(server.state.existing()).toHaveLength(4);
      await later.state(signal);
      expect(await later.state(signal)).toBe('Running');
      await later.remove(signal);
      expect(server.state.existing()).toEqual([]);
      server.state.secretKey = SECRET_KEY;
    }));

  it("signs in with scw's active profile", () =>
    withCloud(async (server, bench) => {
      await mkdir(join(bench.folder, 'scw'));
      const config = [
        'secret_key: other',
        `default_project_id: ${PROJECT}`,
        'active_profile: hive',
        'profiles:',
        '  hive:',
        `    secret_key: ${SECRET_KEY}`,
      ];
      await writeFile(join(bench.folder, 'scw', 'config.yaml'), config.join('\n'));
      const options = { 'scaleway-api-url': server.url };
      const signedIn = await CloudBench.open({ ...worldOf(server), options, env: { XDG_CONFIG_HOME: bench.folder } });
      await signedIn.driver().check(signal);
      const other = { XDG_CONFIG_HOME: bench.folder, SCW_PROFILE: 'none' };
      const stranger = await CloudBench.open({ ...worldOf(server), options, env: other });
      await expect(stranger.driver().check(signal)).rejects.toMatchObject({ code: 'BAD_CREDENTIALS' });
      const bare = await CloudBench.open({ ...worldOf(server), options, env: { HOME: '/nowhere' } });
      await expect(bare.driver().check(signal)).rejects.toThrow(/there is no project at Scaleway/);
      for (const each of [signedIn, stranger]) await each.close();
      await rm(bare.folder, { recursive: true });
    }));

  const failures: readonly (readonly [RegExp, RestFailure, RegExp])[] = [
    [
      /POST .*servers/,
      new RestFailure(403, 'quotas_exceeded', 'Quota exceeded for this resource.'),
      /ask for more under "Quotas"/,
    ],
    [/POST .*servers/, new RestFailure(412, 'out_of_stock', 'out of stock'), /Try another --scaleway-zone/],
    [/POST .*ips/, new RestFailure(403, 'permissions_denied', 'insufficient permissions'), /InstancesFullAccess/],
    [/POST .*security_groups/, new RestFailure(400, 'invalid_arguments', 'invalid argument(s)'), /Change the flag/],
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
    [{ 'scaleway-zone': 'fr-par-9' }, /has no zone fr-par-9\. Did you mean fr-par-1, fr-par-2/],
    [{ 'scaleway-commercial-type': 'DEV1-X' }, /has no type DEV1-X in fr-par-1\. Did you mean DEV1-S, DEV1-M/],
    [{ 'scaleway-commercial-type': 'GP1-XL' }, /has no capacity for GP1-XL in fr-par-1/],
    [
      { 'scaleway-image': 'debian_trixy' },
      /has no image debian_trixy for DEV1-S in fr-par-1\. Did you mean debian_trixie/,
    ],
    [{ 'scaleway-private-network': ['wasps'] }, /has no Private Network wasps in fr-par\. There are: hive/],
    [{ 'scaleway-ssh-key-path': '/nowhere/key' }, /cannot be read/],
  ];
  it.each(misfits)('finds out about %o before anything is made', (options, text) =>
    withCloud(async (server, bench) => {
      await expect(bench.driver({ options }).check(signal)).rejects.toThrow(text);
      expect(server.state.existing()).toEqual([]);
    }),
  );

  const mistakes: readonly (readonly [OptionValues, RegExp])[] = [
    [{ 'scaleway-use-private-network': true }, /needs a network/],
    [
      { 'scaleway-use-private-network': true, 'scaleway-private-network': ['hive'], 'scaleway-use-ipv6': true },
      /exclude each other/,
    ],
    [{ 'scaleway-root-volume-size': 5 }, /is too small/],
  ];
  it.each(mistakes)('refuses %o', (options, text) =>
    withCloud(async (_server, bench) => {
      expect(() => bench.driver({ options })).toThrow(text);
    }),
  );
});
