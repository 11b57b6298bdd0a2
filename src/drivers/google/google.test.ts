import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { byPort, testFirewall } from '../../../test/clouds/firewalls.ts';
import { type GoogleServer, startGoogle } from '../../../test/clouds/google-server.ts';
import { RestFailure } from '../../../test/clouds/rest.ts';
import { testCloud } from '../../../test/clouds/suites.ts';
import type { OptionValues } from '../options.ts';
import { driver } from './google.ts';

const signal = new AbortController().signal;
const DELAY_MS = 8;

/** With the right and the wrong credentials in files. */
async function start(delayMs?: number): Promise<GoogleServer & { readonly file: string; readonly wrong: string }> {
  const server = await startGoogle(delayMs);
  const folder = await mkdtemp(join(tmpdir(), 'google-'));
  const [file, wrong] = [join(folder, 'key.json'), join(folder, 'wrong.json')];
  await writeFile(file, server.credentials);
  await writeFile(wrong, server.credentials.replace('bees@', 'wasps@'));
  const close = async (): Promise<void> => {
    await server.close();
    await rm(folder, { recursive: true, force: true });
  };
  return { ...server, file, wrong, close };
}

const { withCloud } = testCloud('google', {
  driver,
  start: () => start(),
  startSlow: () => start(DELAY_MS),
  account: ({ url, file, wrong }) => ({
    options: { 'google-api-url': url },
    env: { GOOGLE_APPLICATION_CREDENTIALS: file },
    wrongCredentials: { GOOGLE_APPLICATION_CREDENTIALS: wrong },
  }),
  steps: 5,
  dryRun: [/make an SSH key/, /POST .*firewalls/, /POST .*instances/],
});

interface HeldRule {
  readonly sourceRanges: readonly string[];
  readonly allowed: readonly { readonly IPProtocol: string; readonly ports: readonly string[] }[];
}

function heldRules({ state }: GoogleServer): readonly string[] {
  const all = state.firewalls.flatMap(({ body }) => {
    const { sourceRanges, allowed } = body as unknown as HeldRule;
    return allowed.flatMap(({ IPProtocol, ports }) =>
      ports.flatMap((port) => sourceRanges.map((network) => [`${port}/${IPProtocol}`, network] as const)),
    );
  });
  return byPort(all);
}

describe('google', () => {
  testFirewall(
    {
      isV4Only: true,
      rules: heldRules,
      addForeign: ({ state }) => {
        const allowed = [{ IPProtocol: 'tcp', ports: ['9100'] }];
        const body = { direction: 'INGRESS', sourceRanges: ['192.0.2.77/32'], targetTags: ['web'], allowed };
        state.firewalls.push({ name: 'mine', body });
      },
    },
    withCloud,
  );

  it('has a rule for each set of networks, and leaves one alone that is something else by now', () =>
    withCloud(async (server, bench) => {
      const nobody = new Map([
        ['2380/tcp', []],
        ['7946/tcp', []],
        ['7946/udp', []],
      ]);
      const machine = bench.driver({ ports: [22, 2376, 2380, 7946], udpPorts: [7946], sources: nobody });
      await machine.create(signal);
      const [members, masters] = [['192.0.2.1/32', '192.0.2.2/32'], ['192.0.2.1/32']];
      await machine.fitFirewall?.(
        new Map([
          ['2380/tcp', masters],
          ['7946/tcp', members],
          ['7946/udp', members],
        ]),
        signal,
      );
      const name = 'enxame-bee-1-m4ch1ne';
      expect(server.state.firewalls.map((each) => each.name).sort()).toEqual([name, `${name}-2`, `${name}-3`]);
      const second = server.state.firewalls.find((each) => each.name === `${name}-2`);
      const before = { ...second?.body, disabled: true };
      if (second) second.body = before;
      await machine.fitFirewall?.(new Map([['7946/tcp', members]]), signal);
      expect(second?.body).toBe(before);
      expect(bench.said.join()).toMatch(new RegExp(`rule ${name}-2 is not as this machine made it, and is left alone`));
      expect(heldRules(server)).toContain('7946/tcp from 192.0.2.1/32,192.0.2.2/32');
      await machine.remove(signal);
      expect(server.state.existing()).toEqual([]);
    }));

  it('makes a labelled instance behind a rule for exactly the needed ports', () =>
    withCloud(async (server, bench) => {
      const options = { 'google-open-port': ['7000-7010/udp'], 'google-label': ['team=bees'], 'google-tags': 'web' };
      const machine = bench.driver({ options, ports: [22, 2376, 3376] });
      await machine.create(signal);
      const name = 'enxame-bee-1-m4ch1ne';
      expect(server.state.instances[0]?.body).toMatchObject({
        name,
        machineType: 'zones/us-central1-a/machineTypes/e2-small',
        labels: { team: 'bees', 'enxame-machine': 'bee-1', 'enxame-id': 'm4ch1ne' },
        tags: { items: [name, 'web'] },
        disks: [
          {
            autoDelete: true,
            initializeParams: { sourceImage: 'projects/debian-cloud/global/images/family/debian-13' },
          },
        ],
      });
      expect(JSON.stringify(server.state.instances[0]?.body.metadata)).toMatch(
        /docker-user:ssh-ed25519 \S+ docker-user/,
      );
      expect(server.state.firewalls[0]?.body).toMatchObject({
        targetTags: [name],
        sourceRanges: ['0.0.0.0/0'],
        allowed: [
          { IPProtocol: 'tcp', ports: ['22', '2376', '3376'] },
          { IPProtocol: 'udp', ports: ['7000-7010'] },
        ],
      });
      expect(await machine.labels(signal)).toEqual({
        region: 'us-central1',
        zone: 'us-central1-a',
        'instance-type': 'e2-small',
      });
      expect(await machine.shell(signal)).toMatchObject({ host: '203.0.113.31', user: 'docker-user' });
    }));

  it.each(['google-use-internal-ip', 'google-use-internal-ip-only'])('--%s', (flag) =>
    withCloud(async (server, bench) => {
      const machine = bench.driver({ options: { [flag]: true } });
      await machine.create(signal);
      expect(await machine.ip(signal)).toBe('10.128.0.5');
      const accessConfigs =
        flag === 'google-use-internal-ip-only' ? [] : [{ type: 'ONE_TO_ONE_NAT', name: 'External NAT' }];
      expect(server.state.instances[0]?.body.networkInterfaces).toMatchObject([{ accessConfigs }]);
    }),
  );

  it('makes a Spot machine that is stopped, not lost', () =>
    withCloud(async (server, bench) => {
      const machine = bench.driver({ options: { 'google-preemptible': true } });
      await machine.create(signal);
      const scheduling = { provisioningModel: 'SPOT', instanceTerminationAction: 'STOP' };
      expect(server.state.instances[0]?.body).toMatchObject({ scheduling });
      expect(await machine.labels(signal)).toMatchObject({ 'instance-type': 'e2-small', spot: 'true' });
    }));

  it('is patient when it is told to slow down', () =>
    withCloud(async (server, bench) => {
      server.throttle(2);
      server.fail(/POST .*firewalls/, new RestFailure(403, 'rateLimitExceeded', 'Rate Limit Exceeded'), 2);
      await bench.driver().create(signal);
      expect(server.state.instances).toHaveLength(1);
    }));

  const late: readonly (readonly [RestFailure, RegExp])[] = [
    [
      new RestFailure(503, 'ZONE_RESOURCE_POOL_EXHAUSTED', "The zone 'us-central1-a' does not have enough resources."),
      /Try another --google-zone/,
    ],
    [
      new RestFailure(403, 'QUOTA_EXCEEDED', "Quota 'CPUS' exceeded. Limit: 8.0 in region us-central1."),
      /Remove .*"Quotas"/,
    ],
  ];
  it.each(late)('explains what fails after it was accepted: %s', (failure, text) =>
    withCloud(async (server, bench) => {
      server.state.failOperation = failure;
      const machine = bench.driver();
      await expect(machine.create(signal)).rejects.toThrow(text);
      await machine.remove(signal);
      expect(server.state.existing()).toEqual([]);
    }),
  );

  const failures: readonly (readonly [RegExp, RestFailure, RegExp])[] = [
    [
      /POST .*firewalls/,
      new RestFailure(403, 'forbidden', "Required 'compute.firewalls.create' permission"),
      /role "Compute Admin"/,
    ],
    [
      /POST .*instances/,
      new RestFailure(403, 'accessNotConfigured', 'Compute Engine API has not been used'),
      /gcloud services enable/,
    ],
    [/POST .*instances/, new RestFailure(503, 'backendError', 'Internal error'), /status\.cloud\.google\.com/],
  ];
  it.each(failures)('explains a failure of %s', (call, failure, text) =>
    withCloud(async (server, bench) => {
      server.fail(call, failure, 1);
      const machine = bench.driver();
      const error: unknown = await machine.create(signal).catch((reason: unknown) => reason);
      expect(String((error as Error).message)).toMatch(text);
      expect(String((error as Error).message)).toMatch(/^Google Compute Engine: [^\n]+$/);
      await machine.remove(signal);
      expect(server.state.existing()).toEqual([]);
    }),
  );

  const misfits: readonly (readonly [OptionValues, RegExp])[] = [
    [{ 'google-zone': 'us-central1-z' }, /has no zone us-central1-z\. Did you mean us-central1-a\?/],
    [
      { 'google-machine-type': 'f1-micro' },
      /has no machine type f1-micro in us-central1-a\. There are: e2-small, n2-standard-2/,
    ],
    [{ 'google-machine-image': 'ubuntu-os-cloud/global/images/ubuntu-1604' }, /has no image ubuntu-os-cloud/],
    [
      { 'google-machine-image': 'debian-cloud/global/images/family/debian-12' },
      /has no image family debian-12 in debian-cloud\. Did you mean debian-13\?/,
    ],
    [{ 'google-network': 'nowhere' }, /has no network nowhere/],
    [{ 'google-subnetwork': 'nowhere' }, /has no subnetwork nowhere in us-central1/],
    [{ 'google-credentials': '/nowhere/key.json' }, /no access to Google Cloud: .* Sign in with/],
  ];
  it.each(misfits)('finds out about %o before anything is made', (options, text) =>
    withCloud(async (server, bench) => {
      const project = { 'google-project': 'hive-42', ...options };
      await expect(bench.driver({ options: project }).check(signal)).rejects.toThrow(text);
      expect(server.state.existing()).toEqual([]);
    }),
  );

  it('finds out that the quota is used up before anything is made', () =>
    withCloud(async (server, bench) => {
      server.state.cpusUsed = 7;
      await expect(bench.driver().check(signal)).rejects.toThrow(
        /7 of 8 CPUS in us-central1 are used, and this machine needs 2/,
      );
    }));
});
