import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../common/clock.ts';
import { writePrivate } from '../../common/private-file.ts';
import { coversHost, isIssuedBy, readCertificate } from '../../pki/certificate.ts';
import type { MachineDeps } from '../machine.ts';
import { type MachineRecord, plainEngine } from '../record.ts';
import { openStore } from '../store.ts';
import { issueServer, OWN_AUTHORITY } from '../trust.ts';
import { isLocked, packShare, type Share, unpackShare } from './archive.ts';
import { importDockerMachines } from './docker-machine.ts';
import { exportMachines, importMachines } from './share.ts';

const signal = new AbortController().signal;
let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'share-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function contextIn(name: string): MachineDeps {
  return { store: openStore(join(folder, name)), env: {}, clock: systemClock };
}

const SHARE: Share = {
  machines: ['queen'],
  files: [{ path: 'machines/queen/machine.json', content: Buffer.from('{}') }],
};

describe('packShare', () => {
  it('keeps any content, locked or not', async () => {
    const contents = fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(
        contents,
        fc.option(fc.string({ minLength: 1 }), { nil: undefined }),
        async (all, passphrase) => {
          const files = all.map((content, index) => ({
            path: `machines/a/driver/f${index}`,
            content: Buffer.from(content),
          }));
          const packed = await packShare({ machines: ['a'], files }, passphrase);
          expect(isLocked(packed)).toBe(passphrase !== undefined);
          expect(await unpackShare(packed, passphrase)).toEqual({ machines: ['a'], files });
        },
      ),
      { numRuns: 12 },
    );
    // Each passphrase costs a scrypt on purpose.
  }, 300_000);

  it('shows nothing without the passphrase and notices every change', async () => {
    const packed = await packShare(SHARE, 'secret');
    expect(packed.includes('queen')).toBe(false);
    await expect(unpackShare(packed, 'Secret')).rejects.toThrow('the passphrase is wrong, or the export was damaged');
    await expect(unpackShare(packed, undefined)).rejects.toThrow('that export is locked');
    for (const at of [17, 30, packed.length - 20, packed.length - 1]) {
      const damaged = Buffer.from(packed);
      damaged[at] = (damaged[at] ?? 0) ^ 1;
      await expect(unpackShare(damaged, 'secret')).rejects.toThrow(/damaged/);
    }
    await expect(unpackShare(packed.subarray(0, 40), 'secret')).rejects.toThrow(/damaged/);
  });

  it.each([
    '../x',
    'machines/../../etc/passwd',
    'machines/a/../b',
    '/etc/passwd',
    'machines/a',
    'locks/a/b',
    'machines/a//b',
    'machines/.a/b',
    'machines\\a\\b\\c',
  ])('refuses the path %s', async (path) => {
    const body = gzipSync(JSON.stringify({ version: 1, machines: [], files: [{ path, content: '' }] }));
    const packed = Buffer.concat([Buffer.from('enxame-machines\0'), Buffer.of(0), body]);
    await expect(unpackShare(packed, undefined)).rejects.toThrow(/the export cannot be read \(it names the file/);
  });

  it.each([[''], ['enxame-machines'], ['PK\x03\x04 something']])('refuses %j', async (text) => {
    await expect(unpackShare(Buffer.from(text), undefined)).rejects.toThrow(/is no export of machines|cannot be read/);
  });
});

function recordOf(name: string, more: Partial<MachineRecord>): MachineRecord {
  const fixed = { version: 1, createdAt: '2026-06-01T00:00:00Z', driver: 'none' } as const;
  const options = { url: 'tcp://10.0.0.7:2376' };
  return { ...fixed, id: name, name, options, engine: plainEngine(), steps: ['ready'], resources: [], ...more };
}

describe('exportMachines', () => {
  it('gives the recipient a certificate of their own, and the key of the authority only when told to', async () => {
    const mine = contextIn('mine');
    const stored = await mine.store.add(recordOf('queen', { authority: OWN_AUTHORITY }));
    await issueServer(stored, ['queen'], { ...mine, signal });
    await writePrivate(join(stored.driverFolder, 'keys', 'id'), 'a key');
    for (const withAuthority of [false, true]) {
      const share = await exportMachines(['queen'], mine, { withAuthority, recipient: 'alice' }, signal);
      const theirs = contextIn(`theirs-${withAuthority}`);
      await importMachines(share, theirs);
      const { record, tlsFolder, driverFolder } = await theirs.store.load('queen');
      const pem = (file: string): Promise<string> => readFile(join(tlsFolder, file), 'utf8');
      expect(readCertificate(await pem('cert.pem'), 'it').subject).toBe('CN=alice');
      expect(isIssuedBy(await pem('cert.pem'), await pem('ca.pem'))).toBe(true);
      expect(await readFile(join(driverFolder, 'keys', 'id'), 'utf8')).toBe('a key');
      expect(record.authority).toMatch(/^from-[0-9a-f]{8}$/);
      const mineKey = await readFile(join(mine.store.root, 'certs/own/key.pem'), 'utf8');
      expect(share.files.some(({ content }) => content.includes(mineKey)) && !withAuthority).toBe(false);
      const again = issueServer(await theirs.store.load('queen'), ['10.0.0.9'], { ...theirs, signal });
      if (withAuthority) expect(coversHost((await again).cert, '10.0.0.9')).toBe(true);
      else await expect(again).rejects.toThrow(/has no key here/);
      await expect(importMachines(share, theirs)).rejects.toThrow('Docker machine "queen" already exists');
    }
  });

  it('imports all or nothing', async () => {
    const mine = contextIn('mine');
    for (const name of ['a', 'b']) await mine.store.add(recordOf(name, {}));
    const share = await exportMachines(['a', 'b'], mine, { withAuthority: false, recipient: 'x' }, signal);
    const theirs = contextIn('theirs');
    await theirs.store.add(recordOf('b', { id: 'theirs' }));
    await expect(importMachines(share, theirs)).rejects.toThrow('"b" already exists');
    expect(await theirs.store.names()).toEqual(['b']);
    expect((await theirs.store.load('b')).record.id).toBe('theirs');
  });
});

describe('a share whose author means harm', () => {
  const OTHER = ['ca.pem', 'ca-key.pem', 'cert.pem', 'key.pem'] as const;

  /** An authority as its files lie in a store. */
  async function authorityOf(owner: string): Promise<ReadonlyMap<string, Buffer>> {
    const context = contextIn(owner);
    await issueServer(await context.store.add(recordOf('any', { authority: OWN_AUTHORITY })), ['any'], {
      ...context,
      signal,
    });
    const files = OTHER.map(
      async (file) => [file, await readFile(join(context.store.root, 'certs/own', file))] as const,
    );
    return new Map(await Promise.all(files));
  }

  function shareOf(record: Partial<MachineRecord>, certs: ReadonlyMap<string, Buffer>, name: string): Share {
    const json = JSON.stringify(recordOf('evil', { driver: 'generic', ...record }));
    const files = [...certs].map(([file, content]) => ({ path: `certs/${name}/${file}`, content }));
    return {
      machines: ['evil'],
      files: [{ path: 'machines/evil/machine.json', content: Buffer.from(json) }, ...files],
    };
  }

  it("does not become the recipient's own authority, before or after they have one", async () => {
    const certs = await authorityOf('attacker');
    const victim = contextIn('victim');
    const share = shareOf({ authority: 'own' }, certs, 'own');
    await expect(importMachines(share, victim)).rejects.toThrow(
      'the export was not made by "enxame machine export" (it carries "certs/own"): nothing was imported',
    );
    expect(await victim.store.names()).toEqual([]);
    await expect(readFile(join(victim.store.root, 'certs/own/ca.pem'))).rejects.toThrow('ENOENT');
    const mine = await authorityOf('victim');
    await expect(importMachines(share, victim)).rejects.toThrow('nothing was imported');
    expect(await readFile(join(victim.store.root, 'certs/own/ca.pem'))).toEqual(mine.get('ca.pem'));
  });

  it('takes no name of an authority that is or could be here: each is called by its key', async () => {
    const certs = await authorityOf('attacker');
    const victim = contextIn('victim');
    await importMachines(shareOf({ authority: 'given-12345678' }, certs, 'given-12345678'), victim);
    const { record } = await victim.store.load('evil');
    expect(record.authority).toMatch(/^from-[0-9a-f]{8}$/);
    expect(await readdir(join(victim.store.root, 'certs'))).toEqual([record.authority]);
  });

  it.each([undefined, 'own', 'given-12345678'])(
    'is not signed for: authority %s without its files',
    async (authority) => {
      await authorityOf('victim');
      const victim = contextIn('victim');
      await importMachines(shareOf({ authority }, new Map(), 'x'), victim);
      const stored = await victim.store.load('evil');
      await expect(issueServer(stored, ['bank.example.org'], { ...victim, signal })).rejects.toThrow(/has no key here/);
    },
  );

  it.each([
    ['a part is missing', 'key.pem', undefined],
    ['the key is of another', 'ca-key.pem', 'other'],
    ['it is no certificate', 'ca.pem', 'nonsense'],
  ])('is refused whole when of its authority %s', async (_why, file, other) => {
    const certs = new Map(await authorityOf('attacker'));
    certs.delete(file);
    if (other === 'other') certs.set(file, (await authorityOf('another')).get(file) ?? Buffer.of());
    if (other === 'nonsense') certs.set(file, Buffer.from('nonsense'));
    const victim = contextIn('victim');
    await expect(importMachines(shareOf({ authority: 'x' }, certs, 'x'), victim)).rejects.toThrow(
      'its authority "x" is not whole',
    );
    expect(await victim.store.names()).toEqual([]);
  });
});

describe('importDockerMachines', () => {
  const CONFIG = {
    ConfigVersion: 3,
    DriverName: 'virtualbox',
    Name: 'old',
    Driver: {
      IPAddress: '192.168.99.100',
      SSHUser: 'docker',
      SSHPort: 22,
      EnginePort: 2399,
      StorePath: '/home/x',
      VBoxManager: {},
    },
    HostOptions: {
      EngineOptions: {
        Labels: ['zone=a'],
        InsecureRegistry: ['10.0.0.0/8'],
        ArbitraryFlags: [],
        Env: null,
        StorageDriver: 'btrfs',
      },
      AuthOptions: { ServerCertSANs: ['old.example.org'] },
    },
  };

  /** A store as docker-machine leaves it: an RSA authority, absolute paths in config.json. */
  async function oldStore(): Promise<string> {
    const place = join(folder, 'docker-machine');
    const [certs, machine] = [join(place, 'certs'), join(place, 'machines', 'old')];
    await Promise.all([mkdir(certs, { recursive: true }), mkdir(machine, { recursive: true })]);
    const key = ['-newkey', 'rsa:2048', '-nodes', '-keyout', join(certs, 'ca-key.pem'), '-out', join(certs, 'ca.pem')];
    const request = ['req', '-x509', '-days', '1080', '-subj', '/O=x', ...key];
    execFileSync('openssl', [...request, '-addext', 'keyUsage=critical,keyCertSign'], { stdio: 'ignore' });
    for (const [file, content] of Object.entries({ 'cert.pem': 'cert', 'key.pem': 'key' })) {
      await writeFile(join(certs, file), content);
      await writeFile(join(machine, file), content);
    }
    await writeFile(join(machine, 'ca.pem'), await readFile(join(certs, 'ca.pem')));
    await writeFile(join(machine, 'config.json'), JSON.stringify(CONFIG));
    return place;
  }

  it('takes machines over with their authority', async () => {
    const context = contextIn('mine');
    expect(await importDockerMachines(await oldStore(), context)).toEqual([{ name: 'old', problem: undefined }]);
    const { record, tlsFolder } = await context.store.load('old');
    expect(record.options.url ?? record.options['generic-ip-address']).toMatch(/192\.168\.99\.100/);
    expect(record.engine).toMatchObject({
      labels: { zone: 'a' },
      insecureRegistries: ['10.0.0.0/8'],
      storageDriver: 'btrfs',
      tlsSans: ['old.example.org'],
      port: 2399,
    });
    expect(await readFile(join(tlsFolder, 'key.pem'), 'utf8')).toBe('key');
    const [authority] = await context.store
      .folder('certs')
      .then((place) => execFileSync('ls', [place]).toString().split('\n'));
    const stored = await context.store.load('old');
    await stored.update((old) => ({ ...old, authority }));
    const issued = await issueServer(stored, ['192.168.99.100'], { ...context, signal });
    expect(isIssuedBy(issued.cert, issued.ca)).toBe(true);
  });

  it('says which machine it cannot take over, and takes the others', async () => {
    const place = await oldStore();
    await mkdir(join(place, 'machines', 'broken'));
    await writeFile(join(place, 'machines', 'broken', 'config.json'), '{"ConfigVersion":1}');
    await mkdir(join(place, 'machines', 'cut'));
    await writeFile(join(place, 'machines', 'cut', 'config.json'), '{"ConfigVersion":3,');
    const results = await importDockerMachines(place, contextIn('mine'));
    expect(results).toEqual([
      { name: 'broken', problem: expect.stringMatching(/config\.json: ConfigVersion: /) },
      { name: 'cut', problem: expect.stringMatching(/cut\/config\.json cannot be used: it is not JSON/) },
      { name: 'old', problem: undefined },
    ]);
    expect(await importDockerMachines(place, contextIn('mine'))).toContainEqual({
      name: 'old',
      problem: 'Docker machine "old" already exists',
    });
  });

  it('says where it looked', async () => {
    await expect(importDockerMachines('/nowhere', contextIn('mine'))).rejects.toThrow(
      /no machines of docker-machine at \/nowhere/,
    );
  });
});
