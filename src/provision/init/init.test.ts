import { describe, expect, it } from 'vitest';
import { baseCommand, withoutFlags } from './exec-start.ts';
import type { EngineSetup } from './init-system.ts';
import { openrc } from './openrc.ts';
import { withBlock } from './shell-settings.ts';
import { systemd } from './systemd.ts';

const SETUP: EngineSetup = { listen: 'tcp://0.0.0.0:2376', flags: [], env: [], inSettings: ['label', 'tlsverify'] };

function dropIn(unit: string, setup: Partial<EngineSetup> = {}): string {
  const seen = new Map([['unit', Buffer.from(unit).toString('base64')]]);
  return systemd.files({ ...SETUP, ...setup }, seen)[0]?.content ?? '';
}

const UNITS = [
  {
    name: 'Debian',
    unit: '# /lib/systemd/system/docker.service\nExecStart=/usr/sbin/dockerd -H fd:// --containerd=/run/containerd/containerd.sock $DOCKER_OPTS\n',
    command:
      '/usr/sbin/dockerd -H=fd:// --containerd=/run/containerd/containerd.sock $DOCKER_OPTS -H=tcp://0.0.0.0:2376',
  },
  {
    name: 'Fedora, over several lines',
    unit: '# /usr/lib/systemd/system/docker.service\nExecStart=/usr/bin/dockerd \\\n  --host=fd:// \\\n  --exec-opt native.cgroupdriver=systemd \\\n  $OPTIONS\n',
    command: '/usr/bin/dockerd --host=fd:// --exec-opt native.cgroupdriver=systemd $OPTIONS -H=tcp://0.0.0.0:2376',
  },
  {
    name: 'SUSE, which names no socket',
    unit: '# /usr/lib/systemd/system/docker.service\nExecStart=/usr/bin/dockerd --add-runtime oci=/usr/sbin/docker-runc $DOCKER_OPTS\n',
    command:
      '/usr/bin/dockerd --add-runtime oci=/usr/sbin/docker-runc $DOCKER_OPTS -H=unix:///var/run/docker.sock -H=tcp://0.0.0.0:2376',
  },
  {
    name: 'a change of its owner',
    unit: '# /lib/systemd/system/docker.service\nExecStart=/usr/sbin/dockerd -H fd://\n\n# /etc/systemd/system/docker.service.d/override.conf\n[Service]\nExecStart=\nExecStart=/opt/dockerd -H fd:// --debug\n',
    command: '/opt/dockerd -H=fd:// --debug -H=tcp://0.0.0.0:2376',
  },
  {
    name: 'docker-machine and ourselves, both passed over',
    unit: '# /lib/systemd/system/docker.service\nExecStart=/usr/sbin/dockerd -H fd://\n# /etc/systemd/system/docker.service.d/10-machine.conf\nExecStart=\nExecStart=/usr/bin/dockerd -H tcp://0.0.0.0:2376 --tlsverify --label x=y\n# /etc/systemd/system/docker.service.d/zz-enxame.conf\nExecStart=\nExecStart=/nothing\n',
    command: '/usr/sbin/dockerd -H=fd:// -H=tcp://0.0.0.0:2376',
  },
  {
    name: 'flags that the settings speak for',
    unit: '# /lib/x\nExecStart=/usr/sbin/dockerd -H fd:// -H tcp://0.0.0.0:2375 --tlsverify --tlscacert /a --tlskey=/b --label zone=1 --mtu 1400\n',
    command: '/usr/sbin/dockerd -H=fd:// --mtu 1400 -H=tcp://0.0.0.0:2376',
  },
];

describe('the drop-in', () => {
  it.each(UNITS)('keeps the command of $name', ({ unit, command }) => {
    expect(dropIn(unit)).toMatch(/\nExecStart=\n/);
    expect(dropIn(unit).trimEnd().split('\n').at(-1)).toBe(`ExecStart=${command}`);
  });

  it('keeps systemd from reading anything into flags and environment', () => {
    const text = dropIn('ExecStart=/d -H fd://', { flags: ['--log-opt=tag={{.Name}} $x%'], env: ['A="b" \\c%'] });
    expect(text).toContain('"--log-opt=tag={{.Name}} $$x%%"');
    expect(text).toContain('Environment="A=\\"b\\" \\\\c%%"');
  });

  it('needs a service', () => {
    expect(() => dropIn('')).toThrow(/no docker\.service/);
  });
});

describe('baseCommand', () => {
  it('keeps quoted words whole', () => {
    expect(baseCommand(`ExecStart=/d --a="x y" 'b c'`, [])).toEqual(['/d', '--a="x y"', "'b c'"]);
  });

  it('is none after a reset', () => {
    expect(baseCommand('ExecStart=/d\nExecStart=\n', [])).toBeUndefined();
  });
});

describe('withoutFlags', () => {
  it('does not take the next flag or variable for a value', () => {
    expect(withoutFlags(['--tlsverify', '--tlskey', '$KEY', '--x'], ['tlsverify', 'tlskey'])).toEqual(['$KEY', '--x']);
  });
});

describe('settings of service scripts', () => {
  const setup = { ...SETUP, flags: ['--log-level=warn', '--log-opt=tag=a b'], env: ["A=it's"] };

  it('are added once, and the rest stays', () => {
    const once = withBlock('DOCKER_OPTS="--debug"', setup);
    expect(once).toMatch(/^DOCKER_OPTS="--debug"\n# begin enxame/);
    expect(withBlock(once, setup)).toBe(once);
    expect(withBlock(`${once}export MORE=1\n`, SETUP)).toBe('DOCKER_OPTS="--debug"\nexport MORE=1\n');
  });

  it('survive the shell', () => {
    const [file] = openrc.files(setup, new Map());
    expect(file?.content).toContain(`DOCKER_OPTS="\${DOCKER_OPTS:-} --log-level=warn '--log-opt=tag=a b'"`);
    expect(file?.content).toContain(`export A='it'\\''s'`);
  });
});

it('names no port for an engine that listens at its own socket alone', () => {
  const unit = '# /lib/systemd/system/docker.service\nExecStart=/usr/sbin/dockerd -H fd:// -H tcp://0.0.0.0:2376\n';
  expect(dropIn(unit, { listen: undefined })).toMatch(/^ExecStart=\/usr\/sbin\/dockerd -H=fd:\/\/$/m);
});
