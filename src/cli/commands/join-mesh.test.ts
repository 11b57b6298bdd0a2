import { describe, expect, it } from 'vitest';
import { agentUnit } from '../systemd-unit.ts';
import { meshOptions } from './join-mesh.ts';

describe('flags of a node in the mesh', () => {
  const mesh = ['198.51.100.9:3376'];
  it.each([
    [{}, undefined],
    [{ mesh }, { folder: '/var/lib/enxame/mesh', port: 51820, isPortFixed: false, public: undefined }],
    [
      { mesh, meshPublic: '203.0.113.7:4500' },
      { port: 4500, isPortFixed: true, public: '203.0.113.7:4500' },
    ],
    [
      { mesh, meshPublic: '4500', meshPort: '51821' },
      { port: 51821, isPortFixed: true, public: ':4500' },
    ],
    [
      { mesh, meshState: '/srv/mesh' },
      { folder: '/srv/mesh', isPortFixed: false },
    ],
  ])('%j', (flags, expected) => {
    const options = meshOptions(flags);
    if (expected === undefined) expect(options).toBeUndefined();
    else expect(options).toMatchObject(expected);
  });

  it.each([
    [{ meshPort: '1' }, '--mesh-… flags are about a node in the mesh: give --mesh MANAGER, too'],
    [{ mesh, meshPublic: 'bee-1:4500' }, '--mesh-public should be IP:port or a port, not "bee-1:4500"'],
    [{ mesh, meshPublic: '203.0.113.7' }, '; 203.0.113.7 lacks its port'],
    [{ mesh, meshPort: '70000' }, '--mesh-port should be a UDP port from 1 to 65535, not "70000"'],
    [{ mesh, meshPublic: '0' }, '--mesh-public should be a UDP port from 1 to 65535, not "0"'],
  ])('%j is refused', (flags, why) => expect(() => meshOptions(flags)).toThrow(why));
});

describe('the unit of an agent', () => {
  const argv = ['join', '--mesh', '198.51.100.9:3376', '--tlskey', 'key.pem', '--mesh-state', 'mesh', '--print-unit'];
  const program = ['/usr/bin/node', '/opt/enxame/main.js'] as const;

  it('has the mesh up before Docker, and leaves wireguard-go alone', () => {
    const unit = agentUnit({ program, argv, folder: '/srv', isMesh: true });
    expect(unit).toContain('Before=docker.service\n');
    expect(unit).toContain('Type=notify\nNotifyAccess=all\n');
    expect(unit).toContain('KillMode=process\n');
    expect(unit).toContain('LoadCredential=key.pem:/srv/key.pem\n');
    // biome-ignore lint/suspicious/noTemplateCurlyInString: systemd's own.
    const key = '--tlskey ${CREDENTIALS_DIRECTORY}/key.pem';
    expect(unit).toContain(
      `ExecStart=/usr/bin/node /opt/enxame/main.js join --mesh 198.51.100.9:3376 ${key} --mesh-state /srv/mesh\n`,
    );
  });

  it('waits for nothing without a mesh', () => {
    const unit = agentUnit({ program, argv: ['join', '--dial', '198.51.100.9:3376'], folder: '/srv', isMesh: false });
    expect(unit).not.toContain('docker.service');
    expect(unit).toContain('Type=exec\n');
  });
});
