import { expect, test } from 'vitest';
import { systemdUnit, type UnitOptions } from './systemd-unit.ts';

const base: UnitOptions = {
  program: ['/usr/bin/node', '/usr/lib/node_modules/enxame/dist/cli/main.js'],
  argv: [],
  folder: '/srv/swarm',
  needsRoot: false,
  writes: [],
};

function lines(argv: readonly string[], more: Partial<UnitOptions> = {}): readonly string[] {
  return systemdUnit({ ...base, argv, ...more }).split('\n');
}

test('runs the command line, certificates handed over as credentials', () => {
  const unit = lines(['manage', '--print-unit', '--tlsverify', '--tlscert', 'cert.pem', '--tlskey=/k%1.pem', 'a:1']);
  expect(unit).toContain(
    // biome-ignore lint/suspicious/noTemplateCurlyInString: systemd's own way to name a variable.
    'ExecStart=/usr/bin/node /usr/lib/node_modules/enxame/dist/cli/main.js manage --tlsverify --tlscert ${CREDENTIALS_DIRECTORY}/cert.pem --tlskey ${CREDENTIALS_DIRECTORY}/key.pem a:1',
  );
  expect(unit).toContain('LoadCredential=cert.pem:/srv/swarm/cert.pem');
  expect(unit).toContain('LoadCredential=key.pem:/k%%1.pem');
  expect(unit).toContain('DynamicUser=yes');
});

test('keeps what is told of losses: the key as a credential, programs by their whole path', () => {
  const told = [
    '--notify',
    'https://host/hook',
    '--notify-secret',
    'key',
    '--notify-exec',
    './told',
    '--notify-exec=mail',
  ];
  const unit = lines(['manage', ...told, 'a:1']);
  expect(unit).toContain(
    // biome-ignore lint/suspicious/noTemplateCurlyInString: as above.
    'ExecStart=/usr/bin/node /usr/lib/node_modules/enxame/dist/cli/main.js manage --notify https://host/hook --notify-secret ${CREDENTIALS_DIRECTORY}/notify-secret --notify-exec /srv/swarm/told --notify-exec mail a:1',
  );
  expect(unit).toContain('LoadCredential=notify-secret:/srv/swarm/key');
});

test('names price files whole, where the manager reads them again', () => {
  const unit = lines(['manage', '--prices', 'prices.yml', '--prices=/etc/more.yml', 'a:1']);
  expect(unit).toContain(
    'ExecStart=/usr/bin/node /usr/lib/node_modules/enxame/dist/cli/main.js manage --prices /srv/swarm/prices.yml --prices /etc/more.yml a:1',
  );
});

test.each([
  ['a b', '"a b"'],
  ['say "hi"\\', '"say \\"hi\\"\\\\"'],
  ['100%', '100%%'],
  ['$HOME', '$$HOME'],
  ['a;b', '"a;b"'],
  ["it's", '"it\'s"'],
  ['', '""'],
])('the word %s is written %s', (word, written) => {
  expect(lines(['manage', word])).toContain(
    `ExecStart=/usr/bin/node /usr/lib/node_modules/enxame/dist/cli/main.js manage ${written}`,
  );
});

test('as root it may write what the command line names', () => {
  const unit = lines(['manage'], { needsRoot: true, writes: ['state dir'] });
  expect(unit).not.toContain('DynamicUser=yes');
  expect(unit).toContain('ReadWritePaths="/srv/swarm/state dir"');
});
