import { describe, expect, it } from 'vitest';
import { testFirewall } from '../../../test/clouds/firewalls.ts';
import { startHetzner, TOKEN } from '../../../test/clouds/hetzner-server.ts';
import { RestFailure } from '../../../test/clouds/rest.ts';
import { testCloud } from '../../../test/clouds/suites.ts';
import type { OptionValues } from '../options.ts';
import { driver } from './hetzner.ts';

const signal = new AbortController().signal;
const DELAY_MS = 8;

const { withCloud } = testCloud('hetzner', {
  driver,
  start: () => startHetzner(),
  startSlow: () => startHetzner(DELAY_MS),
  account: ({ url }) => ({
    options: { 'hetzner-api-url': url },
    env: { HCLOUD_TOKEN: TOKEN },
    wrongCredentials: { HCLOUD_TOKEN: 'wrong' },
  }),
  steps: 7,
  dryRun: [/make an SSH key/, /POST .*ssh_keys/, /POST .*firewalls/, /POST .*servers/],
});

describe('hetzner', () => {
  testFirewall(
    {
      rules: ({ state }) => {
        type Rule = { protocol: string; port: string; source_ips: string[] };
        const rules = state.firewalls[0]?.body.rules as readonly Rule[];
        return rules.map(({ protocol, port, source_ips }) => `${port}/${protocol} from ${source_ips.join()}`);
      },
      addForeign: ({ state }) => {
        const rules = state.firewalls[0]?.body.rules as unknown[];
        rules.push({ direction: 'in', protocol: 'tcp', port: '9100', source_ips: ['192.0.2.77/32'] });
      },
    },
    withCloud,
  );

  it('makes a labelled server behind a firewall for exactly the needed ports', () =>
    withCloud(async (server, bench) => {
      const options = { 'hetzner-open-port': ['7000-7010/udp'], 'hetzner-server-label': ['team=bees'] };
      const machine = bench.driver({ options, ports: [22, 2376, 3376] });
      await machine.create(signal);
      const labels = { team: 'bees', 'enxame-machine': 'bee-1', 'enxame-id': 'm4ch1ne' };
      expect(server.state.servers[0]?.body).toMatchObject({
        name: 'bee-1',
        server_type: 'cx23',
        location: 'nbg1',
        image: 'debian-13',
        labels,
        firewalls: [{ firewall: server.state.firewalls[0]?.id }],
        public_net: { enable_ipv4: true, enable_ipv6: true },
      });
      const rules = server.state.firewalls[0]?.body.rules as { protocol: string; port: string; source_ips: string[] }[];
      expect(rules.map(({ protocol, port }) => `${port}/${protocol}`)).toEqual([
        '22/tcp',
        '2376/tcp',
        '3376/tcp',
        '7000-7010/udp',
      ]);
      expect(await machine.labels(signal)).toEqual({ region: 'nbg1', zone: 'nbg1-dc3', 'instance-type': 'cx23' });
      expect(await machine.shell(signal)).toMatchObject({ kind: 'ssh', host: '203.0.113.11', user: 'root', port: 22 });
    }));

  it('reaches it at an IPv6 or a private address', () =>
    withCloud(async (server, bench) => {
      const machine = bench.driver({ options: { 'hetzner-disable-public-ipv4': true } });
      await machine.create(signal);
      expect(await machine.url(signal)).toBe('tcp://[2001:db8:7::1]:2376');
      await machine.remove(signal);
      server.state.networks.push({ id: 9, name: 'hive', labels: {}, body: {}, madeAt: 0 });
      const inside = bench.driver({ options: { 'hetzner-networks': ['hive'], 'hetzner-use-private-network': true } });
      await inside.create(signal);
      expect(await inside.ip(signal)).toBe('10.0.0.2');
    }));

  it('is patient with limits of rate and with locks', () =>
    withCloud(async (server, bench) => {
      server.throttle(2);
      const machine = bench.driver();
      await machine.create(signal);
      await machine.state(signal);
      server.fail(/POST .*poweroff/, new RestFailure(423, 'locked', 'server is locked'), 2);
      await machine.kill(signal);
      expect(await machine.state(signal)).toBe('Stopped');
    }));

  it('switches off what does not shut down', () =>
    withCloud(async (server, bench) => {
      const machine = bench.driver();
      await machine.create(signal);
      await machine.state(signal);
      server.state.ignoresShutdown = true;
      await machine.stop(signal);
      expect(await machine.state(signal)).toBe('Stopped');
      expect(bench.said).toContain('it does not shut down: switching it off');
    }));

  const failures: readonly (readonly [RegExp, RestFailure, RegExp])[] = [
    [
      /POST .*servers/,
      new RestFailure(403, 'resource_limit_exceeded', 'server limit exceeded'),
      /server limit exceeded\. Remove .*"Limits"/,
    ],
    [
      /POST .*servers/,
      new RestFailure(412, 'resource_unavailable', 'error during placement'),
      /Try another --hetzner-server-type/,
    ],
    [
      /POST .*firewalls/,
      new RestFailure(403, 'token_readonly', 'The token is only allowed to perform GET requests'),
      /make one that can write/,
    ],
    [/POST .*servers/, new RestFailure(409, 'uniqueness_error', 'server name is already used'), /take another name/],
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
    [{ 'hetzner-server-type': 'cx11' }, /has no server type cx11\. Did you mean cax11\?/],
    [{ 'hetzner-server-type': 'cax11' }, /has cax11 not in nbg1\. It is in fsn1/],
    [{ 'hetzner-server-location': 'nbg' }, /has no location nbg\. Did you mean nbg1\?/],
    [{ 'hetzner-server-location': 'mars' }, /has no location mars\. There are: nbg1, fsn1/],
    [{ 'hetzner-image': 'debian-8' }, /has no image debian-8 for x86\. Did you mean debian-13, debian-12\?/],
    [{ 'hetzner-networks': ['nowhere'] }, /has no network nowhere\. There are: none/],
    [{ 'hetzner-existing-key-path': '/nowhere/key' }, /cannot be read/],
  ];
  it.each(misfits)('finds out about %o before anything is made', (options, text) =>
    withCloud(async (server, bench) => {
      await expect(bench.driver({ options }).check(signal)).rejects.toThrow(text);
      expect(server.state.existing()).toEqual([]);
    }),
  );

  const mistakes: readonly (readonly [OptionValues, RegExp])[] = [
    [{ 'hetzner-use-private-network': true }, /needs a network/],
    [{ 'hetzner-existing-key-id': '7' }, /needs its private key/],
    [{ 'hetzner-server-label': ['team'] }, /is no label like key=value/],
    [{ 'hetzner-disable-public-ipv4': true, 'hetzner-disable-public-ipv6': true }, /is only reached with/],
  ];
  it.each(mistakes)('refuses %o', (options, text) =>
    withCloud(async (_server, bench) => {
      expect(() => bench.driver({ options })).toThrow(text);
    }),
  );

  it('finds out that the name is taken before anything is made', () =>
    withCloud(async (server, bench) => {
      await bench.driver().create(signal);
      server.state.servers.splice(0, 1, { ...server.state.servers[0], labels: {} } as never);
      await expect(bench.driver().check(signal)).rejects.toThrow(/has a server bee-1 already/);
    }));
});
