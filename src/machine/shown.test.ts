import { describe, expect, it } from 'vitest';
import { type MachineRecord, plainEngine } from './record.ts';
import { shownRecord, shownText } from './shown.ts';

const TOKEN = '0123456789abcdef0123456789abcdef';

describe('shownText', () => {
  it.each([
    [`token://10.0.0.9:2374/v1/${TOKEN}`, 'token://10.0.0.9:2374/v1/012345…'],
    [`token://${TOKEN}`, 'token://012345…'],
    [`join --x token://h/deep/v1/${TOKEN} failed`, 'join --x token://h/deep/v1/012345… failed'],
    ['token://h/v1/abc', 'token://h/v1/abc'],
    ['kv.password=geheim', 'kv.password=(hidden)'],
    ['HTTPS_PROXY=http://me:geheim@proxy:3128', 'HTTPS_PROXY=http://me:(hidden)@proxy:3128'],
    ['nodes://10.0.0.1:2376,ssh://root@b', 'nodes://10.0.0.1:2376,ssh://root@b'],
  ])('%s is shown as %s', (text, shown) => {
    expect(shownText(text)).toBe(shown);
  });
});

describe('shownRecord', () => {
  const record: MachineRecord = {
    ...{
      version: 1,
      id: 'x',
      name: 'x',
      driver: 'hetzner',
      createdAt: '2026-06-01T00:00:00Z',
      steps: [],
      resources: [],
    },
    options: { 'hetzner-api-token': 'geheim', 'hetzner-server-type': 'cx22' },
    engine: {
      ...plainEngine(),
      env: ['HTTP_PROXY=http://me:geheim@p:1'],
      registryMirrors: ['https://me:geheim@mirror'],
    },
    swarm: {
      ...{ isMaster: false, isMember: true, strategy: 'spread', host: 'tcp://0.0.0.0:3376', image: 'self' },
      ...{ discovery: `token://h/v1/${TOKEN}`, discoveryOptions: [], options: [`x=token://${TOKEN}`], joinOptions: [] },
    },
    failure: { step: 'swarm', reason: `no token://h/v1/${TOKEN}` },
  };
  const secret = [{ flag: 'hetzner-api-token', type: 'string', help: '', isSecret: true }] as const;

  it.each([{ options: secret }, { options: undefined }])(
    'hides every secret, whoever knows the driver: %#',
    ({ options }) => {
      const shown = JSON.stringify(shownRecord(record, options));
      expect(shown).not.toMatch(/geheim|89abcdef/);
      expect(shown).toContain('cx22');
    },
  );
});
