import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CloudBench } from '../../../test/clouds/bench.ts';
import { type CrashWorld, testCrashes } from '../../../test/clouds/crashes.ts';
import { testDryRun } from '../../../test/clouds/dry-run.ts';
import { fastClock } from '../../../test/clouds/fast-clock.ts';
import { byPort, testFirewall } from '../../../test/clouds/firewalls.ts';
import {
  type CloudTraits,
  type OpenStackServer,
  startOpenStack,
} from '../../../test/clouds/openstack/openstack-server.ts';
import { CREDENTIAL, made, PROJECT, REGION, USER } from '../../../test/clouds/openstack/state.ts';
import { RestFailure } from '../../../test/clouds/rest.ts';
import { testDriver } from '../../../test/conformance/driver.ts';
import { createAuthority, loadAuthority } from '../../pki/authority.ts';
import type { OptionValues } from '../options.ts';
import { driver } from './openstack.ts';
import { providerAt } from './settings.ts';

const signal = new AbortController().signal;
const DELAY_MS = 8;
const BASE = { 'openstack-flavor-name': 'm1.small', 'openstack-image-name': 'Debian 13' };

function worldOf(server: OpenStackServer, options: OptionValues = {}): CrashWorld {
  return {
    driver,
    options: { ...BASE, ...options },
    env: {
      ...{ OS_AUTH_URL: `${server.url}/identity`, OS_USERNAME: USER, OS_PASSWORD: server.state.password },
      ...{ OS_PROJECT_NAME: 'hive', OS_REGION_NAME: REGION, HOME: '/nowhere' },
    },
    clock: fastClock(200),
    existing: async () => server.state.existing(),
    loseAnswerAt: server.loseAnswerAt,
    wrongCredentials: { OS_PASSWORD: 'wrong' },
    close: server.close,
  };
}

const WHOLE = { 'openstack-floatingip-pool': 'public', 'openstack-boot-from-volume': true };

testDriver('openstack', async () => worldOf(await startOpenStack({ delayMs: DELAY_MS }), WHOLE));
testCrashes('openstack', 10, async () => worldOf(await startOpenStack({ delayMs: DELAY_MS }), WHOLE));
testDryRun(
  'openstack',
  [
    /make an SSH key/,
    /POST \/compute\/os-keypairs/,
    /POST \/network\/security-groups /,
    ...Array.from({ length: 4 }, () => /POST \/network\/security-group-rules/),
    /POST \/volume\/volumes .*<newest image Debian 13>/,
    /POST \/compute\/servers .*<flavor m1.small>/,
    /POST \/network\/floatingips .*<network public>/,
  ],
  async () => worldOf(await startOpenStack(), WHOLE),
);

async function withCloud(
  work: (server: OpenStackServer, bench: CloudBench) => Promise<void>,
  traits: CloudTraits = {},
): Promise<void> {
  const server = await startOpenStack(traits);
  const bench = await CloudBench.open(worldOf(server));
  try {
    await work(server, bench);
  } finally {
    await bench.close();
    await server.close();
  }
}

describe('openstack', () => {
  testFirewall(
    {
      rules: ({ state }) =>
        byPort(
          state.rules.map(({ body }) => [
            `${body.port_range_min}/${body.protocol}`,
            String(body.remote_ip_prefix ?? (body.ethertype === 'IPv6' ? '::/0' : '0.0.0.0/0')),
          ]),
        ),
      addForeign: ({ state }) => {
        const port = { protocol: 'tcp', port_range_min: 9100, port_range_max: 9100 };
        const rule = { direction: 'ingress', ethertype: 'IPv4', ...port, remote_ip_prefix: '192.0.2.77/32' };
        state.rules.push(made({ security_group_id: state.groups[0]?.id, ...rule }));
      },
    },
    withCloud,
  );

  it('makes a marked server behind a security group for exactly the needed ports', () =>
    withCloud(async (server, bench) => {
      const options = { 'openstack-open-port': ['7000-7010/udp'], 'openstack-availability-zone': 'az-2' };
      const machine = bench.driver({ options });
      await machine.check(signal);
      await machine.create(signal);
      const { servers, groups, rules } = server.state;
      const text = 'enxame-machine=bee-1 enxame-id=m4ch1ne';
      expect(groups.map(({ body }) => body)).toEqual([{ name: 'enxame-bee-1-m4ch1ne', description: text }]);
      expect(
        rules.map(({ body }) => `${body.ethertype} ${body.protocol} ${body.port_range_min} ${body.port_range_max}`),
      ).toEqual([
        ...['IPv4 tcp 22 22', 'IPv6 tcp 22 22', 'IPv4 tcp 2376 2376', 'IPv6 tcp 2376 2376'],
        ...['IPv4 udp 7000 7010', 'IPv6 udp 7000 7010'],
      ]);
      expect(servers[0]?.body).toMatchObject({
        ...{ name: 'bee-1', flavorRef: '2', imageRef: 'image-new', key_name: 'enxame-bee-1-m4ch1ne' },
        metadata: { 'enxame-machine': 'bee-1', 'enxame-id': 'm4ch1ne' },
        ...{ networks: [{ uuid: 'net-hive' }], security_groups: [{ name: groups[0]?.id }] },
      });
      expect(await machine.state(signal)).toBe('Running');
      expect(await machine.labels(signal)).toEqual({ region: REGION, zone: 'az-2', 'instance-type': 'm1.small' });
      expect(await machine.shell(signal)).toMatchObject({ kind: 'ssh', host: '10.0.0.4', user: 'root', port: 22 });
    }));

  it('boots from a volume of its own, with a floating IP, a config drive, user data and a server group', () =>
    withCloud(async (server, bench) => {
      await writeFile(join(bench.folder, 'data'), '#cloud-config\n');
      const machine = bench.driver({
        options: {
          ...WHOLE,
          ...{ 'openstack-volume-size': 30, 'openstack-volume-type': 'high-speed', 'openstack-config-drive': true },
          ...{ 'openstack-server-group': 'apart', 'openstack-user-data-file': join(bench.folder, 'data') },
        },
      });
      await machine.check(signal);
      await machine.create(signal);
      const [volume] = server.state.volumes;
      expect(volume?.body).toMatchObject({
        ...{ name: 'enxame-bee-1-m4ch1ne', size: 30, imageRef: 'image-new', volume_type: 'high-speed' },
        metadata: { 'enxame-id': 'm4ch1ne' },
      });
      expect(server.state.servers[0]?.body).toMatchObject({
        block_device_mapping_v2: [{ uuid: volume?.id, boot_index: 0, delete_on_termination: false }],
        ...{ config_drive: true, user_data: Buffer.from('#cloud-config\n').toString('base64') },
        hints: { group: 'server-group-1' },
      });
      expect(server.state.servers[0]?.body).not.toHaveProperty('imageRef');
      expect(await machine.ip(signal)).toBe('203.0.113.77');
    }));

  it('signs in again when the token ends in the middle of a create', () =>
    withCloud(async (server, bench) => {
      const machine = bench.driver({
        options: WHOLE,
        change: async (_call, make) => {
          server.state.tokens.clear();
          return await make();
        },
      });
      await machine.create(signal);
      expect(server.state.signIns.length).toBeGreaterThan(5);
      expect(server.state.existing()).toHaveLength(5);
    }));

  it('says so when it cannot sign in again, and goes on with the new password', () =>
    withCloud(async (server, bench) => {
      const machine = bench.driver({
        change: async ({ action }, make) => {
          const made = await make();
          if (action.endsWith('/security-groups')) {
            server.state.password = 'another';
            server.state.tokens.clear();
          }
          return made;
        },
      });
      await expect(machine.create(signal)).rejects.toMatchObject({ code: 'BAD_CREDENTIALS' });
      const later = bench.driver({ options: { 'openstack-password': 'another' } });
      await later.create(signal);
      expect(server.state.existing()).toHaveLength(3);
      await later.remove(signal);
      server.state.password = 'openstack-test-password';
    }));

  it('speaks to a Nova without the flavor in its servers', () =>
    withCloud(
      async (_server, bench) => {
        const machine = bench.driver();
        await machine.create(signal);
        expect(await machine.labels(signal)).toMatchObject({ 'instance-type': 'm1.small' });
      },
      { microversion: '2.30' },
    ));

  it('wakes a server that was suspended or paused by hand', () =>
    withCloud(async (server, bench) => {
      const machine = bench.driver();
      await machine.create(signal);
      for (const [status, state] of [
        ['SUSPENDED', 'Saved'],
        ['PAUSED', 'Paused'],
      ] as const) {
        const [made] = server.state.servers;
        if (made !== undefined) made.status = status;
        expect(await machine.state(signal)).toBe(state);
        await machine.start(signal);
        await expect.poll(() => machine.state(signal)).toBe('Running');
      }
    }));

  it('uses groups, key pairs and networks that are named, and leaves them', () =>
    withCloud(async (server, bench) => {
      server.state.networks = ['hive', 'inside'];
      const key = join(bench.folder, 'id_ed25519');
      const first = bench.driver({ options: { 'openstack-net-name': ['hive'] } });
      await first.create(signal);
      await first.remove(signal);
      server.state.keypairs.push({ id: 'x', body: { name: 'mine' }, status: '', next: undefined });
      await bench.driver({ options: { 'openstack-net-name': ['hive'] } }).create(signal);
      const second = await CloudBench.open(worldOf(server));
      const options = {
        ...{ 'openstack-sec-groups': ['default'], 'openstack-keypair-name': 'mine', 'openstack-private-key-file': key },
        ...{ 'openstack-net-name': ['inside', 'hive'], 'openstack-ip-version': 6 },
      };
      const before = server.state.existing();
      const machine = second.driver({ options });
      expect(second.kept).toEqual([]);
      await bench.driver({ options: { 'openstack-net-name': ['hive'] } }).remove(signal);
      await writeFile(key, await testKey());
      await machine.check(signal);
      await machine.create(signal);
      expect(before).not.toEqual([]);
      expect(server.state.servers[0]?.body).toMatchObject({
        ...{ key_name: 'mine', security_groups: [{ name: 'group-default' }] },
        networks: [{ uuid: 'net-inside' }, { uuid: 'net-hive' }],
      });
      expect(await machine.url(signal)).toBe('tcp://[2001:db8:5::4]:2376');
      await machine.remove(signal);
      expect(server.state.existing()).toEqual(['key pair mine']);
      await second.close();
    }));

  it('signs in with an application credential of clouds.yaml and secure.yaml', () =>
    withCloud(async (server, bench) => {
      const folder = join(bench.folder, 'openstack');
      await mkdir(folder);
      const clouds = [
        'clouds:',
        '  hive:',
        '    auth_type: v3applicationcredential',
        `    auth: { auth_url: "${server.url}/identity/v3", application_credential_id: ${CREDENTIAL} }`,
        `    region_name: ${REGION}`,
        '  other: { auth: { auth_url: "http://127.0.0.1:9" } }',
      ];
      await writeFile(join(folder, 'clouds.yaml'), clouds.join('\n'));
      const secure = `clouds: { hive: { auth: { application_credential_secret: ${server.state.secret} } } }`;
      await writeFile(join(folder, 'secure.yaml'), secure);
      const env = { XDG_CONFIG_HOME: bench.folder, OS_CLOUD: 'hive' };
      const signedIn = await CloudBench.open({ ...worldOf(server), env });
      await signedIn.driver().check(signal);
      expect(server.state.signIns[0]).toMatchObject({ identity: { methods: ['application_credential'] } });
      const misspelt = await CloudBench.open({ ...worldOf(server), env: { ...env, OS_CLOUD: 'hyve' } });
      await expect(misspelt.driver().check(signal)).rejects.toThrow(/no cloud hyve\. Did you mean hive/);
      const bare = await CloudBench.open({ ...worldOf(server), env: { HOME: '/nowhere' } });
      await expect(bare.driver().check(signal)).rejects.toThrow(/there is no URL of Keystone/);
      // What removes nothing needs no credentials.
      await signedIn.close();
    }));

  it('takes an account from the file whole, whatever the environment says of another', () =>
    withCloud(async (server, bench) => {
      const auth = { auth_url: `${server.url}/identity/v3`, username: USER, password: server.state.password };
      const cloud = { auth: { ...auth, project_name: 'hive' }, region_name: REGION };
      await mkdir(join(bench.folder, 'openstack'));
      await writeFile(join(bench.folder, 'openstack/clouds.yaml'), JSON.stringify({ clouds: { hive: cloud } }));
      const other = { OS_PROJECT_ID: 'other', OS_USER_ID: 'other', OS_APPLICATION_CREDENTIAL_SECRET: 'other' };
      const env = { XDG_CONFIG_HOME: bench.folder, OS_CLOUD: 'hive', OS_APPLICATION_CREDENTIAL_ID: 'other', ...other };
      const signedIn = await CloudBench.open({ ...worldOf(server), env });
      await signedIn.driver().check(signal);
      expect(server.state.signIns[0]).toMatchObject({ scope: { project: { name: 'hive' } } });
      await signedIn.close();
    }));

  it('asks which, when a password and an application credential are given', () =>
    withCloud(async (server) => {
      const { secret } = server.state;
      const both = { OS_APPLICATION_CREDENTIAL_ID: CREDENTIAL, OS_APPLICATION_CREDENTIAL_SECRET: secret };
      const check = async (env: Readonly<Record<string, string>>): Promise<void> => {
        const world = worldOf(server);
        const machine = await CloudBench.open({ ...world, env: { ...world.env, ...both, ...env } });
        await machine
          .driver()
          .check(signal)
          .finally(() => machine.close());
      };
      await expect(check({})).rejects.toThrow(/unset one of OS_PASSWORD and OS_APPLICATION_CREDENTIAL_SECRET/);
      await check({ OS_AUTH_TYPE: 'v3applicationcredential' });
      await check({ OS_AUTH_TYPE: 'password' });
      await check({ OS_PASSWORD: '' });
      const methods = server.state.signIns.map(({ identity }) => (identity as { methods: string[] }).methods[0]);
      expect(methods).toEqual(['application_credential', 'password', 'application_credential']);
    }));

  const damaged: readonly (readonly [string, RegExp])[] = [
    ['clouds: text', /cannot be read: clouds is no section/],
    ['clouds: [hive]', /cannot be read: clouds is no section/],
    ['just text', /cannot be read: the file is no section/],
    ['clouds: { hive: text }', /cannot be read: hive is no section/],
    ['clouds: { hive: { auth: text } }', /cannot be read: auth of hive is no section/],
    ['clouds: { hive: { auth: { password: [SEKRET] } } }', /cannot be read: password of hive is no text/],
    ['clouds: { hive: { auth: { password: "SEKRET } } }', /cannot be read: line 1, column \d+/],
    ['clouds: { hive: }', /there is no URL of Keystone/],
    ['clouds: { hive: { auth: } }', /there is no URL of Keystone/],
    ['clouds: { constructor: }', /clouds\.yaml has no cloud hive/],
    ['', /clouds\.yaml has no cloud hive\. There are: none/],
  ];
  it.each(damaged)('says in one line what is wrong with a file: %s', (text, expected) =>
    withCloud(async (server, bench) => {
      await mkdir(join(bench.folder, 'openstack'));
      await writeFile(join(bench.folder, 'openstack/clouds.yaml'), text);
      const env = { XDG_CONFIG_HOME: bench.folder, OS_CLOUD: 'hive' };
      const machine = await CloudBench.open({ ...worldOf(server), env });
      const error: unknown = await machine
        .driver()
        .check(signal)
        .catch((reason: unknown) => reason);
      expect(String(error)).toMatch(expected);
      expect(String(error)).not.toMatch(/SEKRET|\n/);
      await machine.close();
    }),
  );

  it('says that there is no file at all, and knows clouds by their own names only', () =>
    withCloud(async (server) => {
      for (const OS_CLOUD of ['hive', 'constructor']) {
        const machine = await CloudBench.open({ ...worldOf(server), env: { HOME: '/nowhere', OS_CLOUD } });
        await expect(machine.driver().check(signal)).rejects.toThrow(
          /^there is no file with the cloud .*clouds\.yaml$/,
        );
        await machine.close();
      }
    }));

  it("trusts the authority of the cloud's certificate that is named, or none when told to", async () => {
    const authority = await loadAuthority(await createAuthority('hive', Date.now()));
    const tls = await authority.issue({ commonName: 'hive', purposes: ['server'], hosts: ['127.0.0.1'] });
    await withCloud(
      async (_server, bench) => {
        await expect(bench.driver().check(signal)).rejects.toMatchObject({ code: 'UNTRUSTED' });
        const file = join(bench.folder, 'ca.pem');
        await writeFile(file, authority.cert);
        await bench.driver({ options: { 'openstack-cacert': file } }).check(signal);
        await bench.driver({ options: { 'openstack-insecure': true } }).check(signal);
        const missing = bench.driver({ options: { 'openstack-cacert': '/nowhere/ca.pem' } });
        await expect(missing.check(signal)).rejects.toThrow(/certificate "\/nowhere\/ca\.pem" cannot be read/);
      },
      { tls },
    );
  });

  it('is patient with limits of rate, and not with quotas that Cinder answers alike', () =>
    withCloud(async (server, bench) => {
      server.throttle(2);
      server.fail(/GET .*flavors/, new RestFailure(413, 'overLimit', 'This request was rate-limited.'), 1);
      const machine = bench.driver({ options: WHOLE });
      await machine.check(signal);
      const full = new RestFailure(
        413,
        'overLimit',
        'VolumeLimitExceeded: Maximum number of volumes allowed (2) exceeded for quota',
      );
      server.fail(/POST .*volumes/, full, 1);
      await expect(machine.create(signal)).rejects.toMatchObject({ code: 'QUOTA' });
    }));

  it('waits for what Nova is doing to the server at the moment', () =>
    withCloud(async (server, bench) => {
      const machine = bench.driver();
      await machine.create(signal);
      const busy = new RestFailure(
        409,
        'conflictingRequest',
        "Cannot 'os-stop' instance while it is in task_state rebooting",
      );
      server.fail(/POST .*action/, busy, 2);
      await machine.kill(signal);
      expect(await machine.state(signal)).toBe('Stopped');
    }));

  const failures: readonly (readonly [RegExp, RestFailure, string, RegExp])[] = [
    [/POST .*servers/, new RestFailure(403, 'forbidden', 'Quota exceeded for cores'), 'QUOTA', /openstack quota show/],
    [
      /POST .*security-groups/,
      new RestFailure(409, 'OverQuota', "Quota exceeded for resources: ['security_group']"),
      'QUOTA',
      /Quota exceeded for resources/,
    ],
    [
      /POST .*os-keypairs/,
      new RestFailure(403, 'forbidden', 'Policy does not allow this'),
      'FORBIDDEN',
      /role "member"/,
    ],
    [
      /POST .*servers/,
      new RestFailure(400, 'badRequest', 'Multiple possible networks found'),
      'BAD_OPTIONS',
      /Change the flag/,
    ],
  ];
  it.each(failures)('explains a failure of %s', (call, failure, code, text) =>
    withCloud(async (server, bench) => {
      server.fail(call, failure, 1);
      const machine = bench.driver();
      const failed = expect(machine.create(signal)).rejects;
      await failed.toMatchObject({ code, message: expect.stringMatching(text) });
      await machine.remove(signal);
      expect(server.state.existing()).toEqual([]);
    }),
  );

  it('says why a server could not be built, and leaves nothing', () =>
    withCloud(async (server, bench) => {
      server.state.noHost = true;
      const machine = bench.driver({ options: WHOLE });
      await expect(machine.create(signal)).rejects.toMatchObject({ code: 'NO_CAPACITY' });
      await machine.remove(signal);
      expect(server.state.existing()).toEqual([]);
    }));

  const misfits: readonly (readonly [OptionValues, RegExp])[] = [
    [{ 'openstack-region': 'nort' }, /no region nort\. Did you mean north/],
    [{ 'openstack-flavor-name': 'm1.smal' }, /no flavor m1\.smal\. Did you mean m1\.small/],
    [{ 'openstack-flavor-name': 'v1.small' }, /v1\.small has no disk\. Give --openstack-boot-from-volume/],
    [{ 'openstack-flavor-name': 'm1.tiny' }, /needs 5 GiB of disk and 512 MiB of memory/],
    [{ 'openstack-image-name': 'Debian 14' }, /no image Debian 14\. Did you mean Debian 13/],
    [{ 'openstack-image-name': 'Ubuntu 24.04' }, /images Ubuntu 24\.04 of 2 projects: .*--openstack-image-owner/],
    [{ 'openstack-availability-zone': 'az-3' }, /no availability zone az-3\. Did you mean az-2/],
    [{ 'openstack-net-name': ['hives'] }, /no network hives\. Did you mean hive/],
    [{ 'openstack-floatingip-pool': 'hive' }, /no floating IP pool hive\. There are: public/],
    [{ 'openstack-sec-groups': ['defalt'] }, /no security group defalt\. Did you mean default/],
    [{ 'openstack-server-group': 'aparts' }, /no server group aparts\. Did you mean apart/],
    [{ 'openstack-endpoint-type': 'admin' }, /no admin endpoint of Nova|no region/],
    [{ 'openstack-private-key-file': '/nowhere/key' }, /cannot be read/],
    [{ 'openstack-tenant-name': 'wasps', 'openstack-tenant-id': 'wasps' }, /Check user, password, domains and project/],
  ];
  it.each(misfits)('finds out about %o before anything is made', (options, text) =>
    withCloud(async (server, bench) => {
      await expect(bench.driver({ options }).check(signal)).rejects.toThrow(text);
      expect(server.state.existing()).toEqual([]);
    }),
  );

  it('takes an image of the owner that is named, and finds out about limits and several networks', () =>
    withCloud(async (server, bench) => {
      const options = { 'openstack-image-name': 'Ubuntu 24.04', 'openstack-image-owner': 'cloud' };
      await bench.driver({ options }).check(signal);
      await bench.driver({ options: { 'openstack-tenant-id': PROJECT } }).check(signal);
      server.state.limit = 0;
      await expect(bench.driver().check(signal)).rejects.toMatchObject({ code: 'QUOTA' });
      server.state.networks = ['hive', 'inside'];
      await expect(bench.driver().check(signal)).rejects.toThrow(/several networks; there are hive, inside/);
    }));

  const mistakes: readonly (readonly [OptionValues, RegExp])[] = [
    [{ 'openstack-flavor-id': '2' }, /-flavor-name and --openstack-flavor-id exclude each other/],
    [{ 'openstack-keypair-name': 'mine' }, /needs its private key/],
    [{ 'openstack-floatingip-pool': 'public', 'openstack-ip-version': 6 }, /is for IPv4/],
    [{ 'openstack-ip-version': 5 }, /is neither 4 nor 6/],
  ];
  it.each(mistakes)('refuses %o', (options, text) =>
    withCloud(async (_server, bench) => {
      expect(() => bench.driver({ options })).toThrow(text);
    }),
  );
});

/** A private key in the form ssh-keygen writes. */
async function testKey(): Promise<string> {
  const { default: ssh2 } = await import('ssh2');
  return ssh2.utils.generateKeyPairSync('ed25519').private;
}

it.each([
  ['https://auth.cloud.ovh.net/v3', 'ovhcloud'],
  ['https://auth.cloud.ovh.us/v3', 'ovhcloud'],
  ['https://auth.cloud.ovh.net.example.org/v3', undefined],
  ['https://keystone.example.org/v3', undefined],
])('knows the provider at %s', (url, provider) => expect(providerAt(url)).toBe(provider));
