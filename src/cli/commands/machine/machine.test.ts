import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeEngine } from '../../../../simulator/fake-engine.ts';
import { fakeIo } from '../../../../test/fakes/fake-io.ts';
import { run } from '../../program.ts';

let folder = '';
let engine: FakeEngine;
let url = '';

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'machine-cli-'));
  engine = await FakeEngine.start();
  url = `tcp://${engine.address}`;
});
afterEach(async () => {
  await engine.close();
  await rm(folder, { recursive: true, force: true });
});

interface Said {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function machine(line: string, env: Readonly<Record<string, string>> = {}): Promise<Said> {
  const io = fakeIo({ ENXAME_MACHINE_STORAGE_PATH: join(folder, 'store'), SHELL: '/bin/bash', HOME: folder, ...env });
  const code = await run(['machine', ...line.split(' ').filter((word) => word !== '')], io);
  return { code, out: io.stdout(), err: io.stderr() };
}

/** The words after `enxame: machine: `. */
async function failure(line: string, env?: Readonly<Record<string, string>>): Promise<{ code: number; why: string }> {
  const { code, err } = await machine(line, env);
  const last = err.trim().split('\n').at(-1) ?? '';
  return { code, why: last.replace('enxame: machine: ', '') };
}

async function createNone(...names: string[]): Promise<void> {
  const { code, err } = await machine(`create -d none --url ${url} ${names.join(' ')}`);
  expect(code, err).toBe(0);
}

describe('machine', () => {
  it('makes, lists, shows and removes', async () => {
    await createNone('node-10', 'node-2');
    expect((await machine('ls -q')).out).toBe('node-2\nnode-10\n');
    const { out } = await machine('ls', { DOCKER_HOST: url });
    const [title, ...rows] = out.trimEnd().split('\n');
    expect(title?.split(/ +/)).toEqual(['NAME', 'ACTIVE', 'DRIVER', 'STATE', 'URL', 'SWARM', 'DOCKER', 'ERRORS']);
    expect(rows.map((row) => row.split(/ +/).slice(0, 4))).toEqual([
      ['node-2', '*', 'none', url],
      ['node-10', '*', 'none', url],
    ]);
    expect((await machine('url node-2')).out).toBe(`${url}\n`);
    expect((await machine('ip node-2 node-10')).out).toBe('127.0.0.1\n127.0.0.1\n');
    expect((await machine('status node-2')).out).toBe('\n');
    expect((await machine('inspect -f {{.driver}} node-2')).out).toBe('none\n');
    expect(JSON.parse((await machine('inspect node-2')).out)).toMatchObject({ name: 'node-2', options: { url } });
    expect((await machine('inspect -f {{.DriverName}},{{.Driver.IPAddress}} node-2')).out).toBe('none,127.0.0.1\n');
    expect((await machine('inspect -f {{.HostOptions.AuthOptions.StorePath}} node-2')).out).toBe(
      `${join(folder, 'store/machines/node-2/tls')}\n`,
    );
    expect((await machine('rm -y node-2 node-10')).code).toBe(0);
    expect((await machine('ls -q')).out).toBe('');
  });

  it('is about "default" without a name', async () => {
    expect(await failure('url')).toEqual({
      code: 2,
      why: expect.stringContaining('Error: No machine name(s) specified and no "default" machine exists'),
    });
    await createNone();
    expect((await machine('url')).out).toBe(`${url}\n`);
  });

  it('prints what docker needs', async () => {
    await createNone('um');
    expect((await machine('env um')).out).toBe(
      [
        'unset DOCKER_TLS_VERIFY',
        `export DOCKER_HOST="${url}"`,
        'unset DOCKER_CERT_PATH',
        'export DOCKER_MACHINE_NAME="um"',
        '# Run this command to configure your shell: ',
        '# eval $(enxame machine env um)',
        '',
      ].join('\n'),
    );
    expect((await machine('env --no-proxy um', { no_proxy: 'a,127.0.0.1' })).out).toContain(
      'export no_proxy="a,127.0.0.1"',
    );
    expect((await machine('env -u')).out).toMatch(/^unset DOCKER_TLS_VERIFY\nunset DOCKER_HOST\n/);
    expect((await machine('config um')).out).toBe(`-H=${url}\n`);
    expect((await machine('active', { DOCKER_HOST: url })).out).toBe('um\n');
  });

  it.each([
    { filter: 'name=^a', names: 'a1 a2' },
    { filter: 'driver=none', names: 'a1 a2 b1' },
    { filter: 'driver=local', names: '' },
    { filter: 'label=zone=x', names: 'a1' },
    { filter: 'label=zone', names: 'a1' },
    { filter: 'name=1$ --filter name=2$', names: 'a1 a2 b1' },
    { filter: 'name=1$ --filter name=2$ --filter driver=none --filter label=zone=x', names: 'a1' },
    { filter: 'state=Running', names: '' },
  ])('filters by $filter', async ({ filter, names }) => {
    await machine(`create -d none --url ${url} --engine-label zone=x a1`);
    await createNone('a2', 'b1');
    expect((await machine(`ls -q --filter ${filter}`)).out.trim().split('\n').join(' ')).toBe(names);
  });

  it('goes on with several machines, of which some were finished', async () => {
    await createNone('um', 'dois');
    const file = join(folder, 'store/machines/dois/machine.json');
    const again = `create -d none --url ${url} um dois`;
    expect(await failure(again)).toMatchObject({ code: 1, why: expect.stringMatching(/^2 of 2 machines failed: /) });
    const record = JSON.parse(await readFile(file, 'utf8'));
    await writeFile(file, JSON.stringify({ ...record, steps: ['check', 'machine'] }));
    expect(await machine(again)).toMatchObject({ code: 0, err: expect.stringContaining('(um) exists already') });
    expect(JSON.parse(await readFile(file, 'utf8')).steps).toContain('ready');
  });

  it('says which certificate is of no use, and what helps', async () => {
    await createNone('um');
    const tls = join(folder, 'store/machines/um/tls');
    await Promise.all(['ca', 'cert', 'key'].map((name) => writeFile(join(tls, `${name}.pem`), 'nonsense')));
    const why = /the certificates in .*\/tls cannot be used: .*Run "enxame machine regenerate-certs --client-certs um"/;
    expect((await failure('version um')).why).toMatch(why);
  });

  it('shows a machine whose file is damaged and forgets it by force', async () => {
    await createNone('um');
    await writeFile(join(folder, 'store/machines/um/machine.json'), '{');
    expect((await machine('ls -f {{.Name}}:{{.State}}:{{.Error}}')).out).toMatch(
      /^um:Error:.*machine\.json cannot be used/,
    );
    expect((await failure('rm -y um')).why).toMatch(/machine\.json cannot be used: it is not JSON/);
    expect((await machine('rm -f um')).code).toBe(0);
    expect((await machine('ls -q')).out).toBe('');
  });

  it('says how a machine is whose engine is away', async () => {
    await createNone('um');
    await engine.close();
    const { out } = await machine('ls -f {{.State}}|{{.DockerVersion}}|{{.Error}}');
    expect(out).toMatch(/^\|\|connect to engine tcp:\/\/127\.0\.0\.1:\d+: .*ECONNREFUSED/);
    expect((await failure('env um')).why).toMatch(/^Error checking TLS connection: connect to engine/);
  });

  it.each([
    { line: 'create -d nome x', code: 2, why: /^Driver "nome" not found\. Did you mean "none"\?/ },
    { line: 'create -d none x', code: 2, why: /^the driver none needs the engine's URL, as in .*: give --url/ },
    {
      line: 'create -d none --url tcp://a:1 a_b',
      code: 2,
      why: /Invalid hostname specified\. Allowed hostname chars are: 0-9a-zA-Z \. -/,
    },
    { line: 'create -d none --url nonsense x', code: 2, why: /^--url "nonsense" is not a URL like tcp:/ },
    { line: 'create -d none --url tcp://a:1 --ulr x', code: 2, why: /unknown option '--ulr'.*--url/ },
    { line: 'create -d none --url tcp://a:1 --swarm x', code: 2, why: /--swarm needs --swarm-discovery token:/ },
    { line: 'create -d none --url tcp://a:1 --swarm-master x', code: 2, why: /go with --swarm/ },
    {
      line: 'create -d none --url tcp://a:1 --swarm --swarm-discovery token://h:1/v1/abc --swarm-strategy best x',
      code: 2,
      why: /^--swarm-strategy: Unknown strategy 'best': use one of spread/,
    },
    {
      line: 'create -d none --url tcp://a:1 --swarm --swarm-discovery tokne://h:1/v1/abc x',
      code: 2,
      why: /^--swarm-discovery: discovery service not supported: tokne:\/\/ is unknown\. Use token:/,
    },
    {
      line: 'create -d none --url tcp://a:1 --swarm --swarm-discovery token://h:1/v1/abc --swarm-discovery-opt token.x=1 x',
      code: 2,
      why: /^--swarm-discovery: .*token\.x/,
    },
    {
      line: 'create -d none --url tcp://a:1 --engine-label x y',
      code: 2,
      why: /--engine-label "x" is not of the form key=value/,
    },
    { line: 'ls --filter colour=red', code: 2, why: /^Unsupported filter key 'colour=red': use driver=, swarm=/ },
    { line: 'ls --timeout soon', code: 2, why: /--timeout "soon" is not a number of seconds/ },
    { line: 'status nobody', code: 1, why: /^Docker machine "nobody" does not exist\. Use "enxame machine ls"/ },
    { line: 'rm nobody', code: 1, why: /does not exist/ },
    { line: 'import /nowhere', code: 2, why: /^cannot read the export \/nowhere: there is no such file/ },
    {
      line: 'up -f /nowhere',
      code: 2,
      why: /^cannot read the fleet file \/nowhere: there is no such file\. Name it with -f/,
    },
    { line: 'active', code: 1, why: /^No active host found: \$DOCKER_HOST is not set/ },
    { line: 'create -d locla x', code: 2, why: /^Driver "locla" not found\. Did you mean "local"\?/ },
    { line: 'create -d hetzner x', code: 3, why: /^Error with pre-create check: there is no token for Hetzner Cloud/ },
    { line: 'create -d hetzner x y', code: 3, why: /^2 of 2 machines failed: / },
  ])('answers "$line" with one line', async ({ line, code, why }) => {
    expect(await failure(line)).toEqual({ code, why: expect.stringMatching(why) });
    expect((await machine('ls -q')).out).toBe('');
  });

  it.each([
    { line: 'stat um', why: /^unknown command 'stat'\. Did you mean/ },
    { line: 'create -d none --url tcp://a:1 um', why: /^Docker machine "um" already exists/ },
    { line: 'start um', why: /^hosts without a driver cannot be started/ },
    { line: 'ssh um ls', why: /^there is no way to log in to "um": it is only known by its URL/ },
    {
      line: 'env --swarm um',
      why: /^"um" is not a swarm master\. The --swarm flag is intended for use with swarm masters/,
    },
    { line: 'regenerate-certs -f um', why: /not ours to make: its engine was there before/ },
    { line: 'rm um', why: /^Are you sure\? Not a terminal: pass -y/ },
    { line: 'status u', why: /does not exist.*Did you mean "um"\?/ },
    { line: 'context --name default um', why: /docker does not accept a context called "default"/ },
    { line: 'url um dois', why: /"dois" does not exist/ },
  ])('answers "$line" about a machine with one line', async ({ line, why }) => {
    await createNone('um');
    expect((await failure(line)).why).toMatch(why);
    expect((await machine('ls -q')).out).toBe('um\n');
  });

  it('says where an error comes from when asked as docker-machine was', async () => {
    const trace = /^NotFoundError: Docker machine "um" does not exist/m;
    expect((await machine('-D url um')).err).toMatch(trace);
    expect((await machine('url um', { MACHINE_DEBUG: '1' })).err).toMatch(trace);
    expect((await machine('url um')).err).not.toMatch(trace);
  });

  it("shows the driver's own flags in the help of create", async () => {
    const { code, out } = await machine('create -d none --help');
    expect(code).toBe(0);
    expect(out).toMatch(/--cert-path <value>/);
    expect(out).toMatch(/--swarm-discovery <uri>/);
    expect((await machine('drivers')).out).toMatch(
      /^DRIVER +MACHINES +READY +NEEDS.*\n(.*\n)*local .*\nnone .* yes +nothing/,
    );
  });

  it('hands the words of ssh on as they are', async () => {
    await createNone('um');
    for (const line of ['ssh um ls -l /', 'ssh um -- ls --version'])
      expect((await failure(line)).why).toMatch(/^there is no way to log in/);
  });

  it('writes a docker context and replaces only its own', async () => {
    await createNone('um');
    expect((await machine('context um')).err).toContain('docker context use um');
    const meta = join(folder, '.docker/contexts/meta', createHash('sha256').update('um').digest('hex'), 'meta.json');
    expect(JSON.parse(await readFile(meta, 'utf8'))).toMatchObject({
      Name: 'um',
      Endpoints: { docker: { Host: url } },
    });
    expect((await machine('context um')).code).toBe(0);
    expect((await machine('context --name eins um')).code).toBe(0);
    expect((await machine('rm -y um')).err).toMatch(/removed the docker context um\n/);
    expect(await readdir(join(folder, '.docker/contexts/meta'))).toEqual([]);
    expect(await readdir(join(folder, '.docker/contexts/tls'))).toEqual([]);
    await createNone('um');
    await machine('context um');
    await writeFile(meta, '{"Name":"um","Metadata":{"Description":"mine"}}');
    expect((await failure('context um')).why).toMatch(/^docker has a context "um" that is not of a machine/);
    await machine('rm -y um');
    expect(await readFile(meta, 'utf8')).toContain('mine');
  });

  it('exports and imports', async () => {
    await createNone('um', 'dois');
    const file = join(folder, 'all.enxame');
    expect((await machine(`export --all -o ${file}`)).err).toContain('It is not encrypted: keep it safe');
    const other = { ENXAME_MACHINE_STORAGE_PATH: join(folder, 'other') };
    expect((await machine(`import ${file}`, other)).code).toBe(0);
    expect((await machine('ls -q', other)).out).toBe('dois\num\n');
    expect(await failure(`import ${file}`, other)).toMatchObject({
      code: 1,
      why: 'Docker machine "dois" already exists',
    });
    expect((await machine(`export --all -o ${file}`, { ENXAME_PASSPHRASE: 'x' })).code).toBe(0);
    expect((await failure(`import ${file}`)).why).toMatch(/that export is locked: give --passphrase-file/);
    expect((await failure(`import ${file}`, { ENXAME_PASSPHRASE: 'y' })).why).toMatch(/the passphrase is wrong, or/);
    await writeFile(file, 'hello');
    expect((await failure(`import ${file}`)).why).toMatch(/that file is no export of machines/);
  });
});
