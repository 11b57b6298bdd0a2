import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type FakeIo, fakeIo } from '../../test/fakes/fake-io.ts';
import type { Io } from './io.ts';
import { run } from './program.ts';

interface Result {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function enxame(
  line: string,
  env: Readonly<Record<string, string>> = {},
  options: Partial<Io> = {},
): Promise<Result> {
  const io = fakeIo(env, options);
  const code = await run(line === '' ? [] : line.split(' '), io);
  return { code, out: io.stdout(), err: io.stderr() };
}

describe('help', { timeout: 120_000 }, () => {
  it.each(['', '--help', 'help', '-h'])('"enxame %s" teaches and succeeds', async (line) => {
    const { code, out, err } = await enxame(line);
    expect(out).toContain('create|c');
    expect(out).toContain('$ token=$(enxame create)');
    expect({ code, err }).toEqual({ code: 0, err: '' });
  });

  it.each([
    ['create --help', '--service <url>'],
    ['c --help', '--service <url>'],
    ['help join', '--addr, --advertise <address>'],
    ['l --help', 'file:///path'],
    ['discovery --help', 'tcp://127.0.0.1:2374'],
    ['--log-level debug list --help', '--timeout <duration>'],
  ])('"enxame %s" shows flags and examples', async (line, flag) => {
    const { code, out } = await enxame(line);
    expect(code).toBe(0);
    expect(out).toContain(flag);
    expect(out).toContain('Examples:');
  });

  it('an agent of strict containers needs no discovery argument', async () => {
    const { code, out, err } = await enxame('join --fence a:1 --print-unit');
    expect(out).toContain('--fence a:1');
    expect({ code, err }).toEqual({ code: 0, err: '' });
  });

  it('prints the version of the package', async () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { readonly version: string };
    expect(await enxame('--version')).toEqual({ code: 0, out: `${version}\n`, err: '' });
  });

  it('loads nothing but commander and picocolors', () => {
    expect([...packagesLoadedBy(fileURLToPath(new URL('./main.ts', import.meta.url)))].sort()).toEqual([
      'commander',
      'picocolors',
    ]);
  });
});

/** Packages a source file imports, itself or through other files; `import type` and `import()` do not count. */
function packagesLoadedBy(file: string, seen: Set<string> = new Set()): ReadonlySet<string> {
  const found = new Set<string>();
  seen.add(file);
  for (const [, target = ''] of readFileSync(file, 'utf8').matchAll(
    /^import (?!type )(?:[^;]*? from )?'([^']+)';/gms,
  )) {
    if (target.startsWith('node:')) continue;
    if (!target.startsWith('.')) found.add(target);
    else if (!seen.has(join(dirname(file), target))) {
      for (const name of packagesLoadedBy(join(dirname(file), target), seen)) found.add(name);
    }
  }
  return found;
}

describe('wrong command lines', { timeout: 120_000 }, () => {
  it.each([
    ['lits', "enxame: unknown command 'lits'. Did you mean list? Run 'enxame --help'"],
    ['lits --help', "enxame: unknown command 'lits'. Did you mean list? Run 'enxame --help'"],
    ['certs server x', "enxame: certs: missing required argument 'host'. Run 'enxame certs server --help'"],
    ['machine list --nope', "enxame: machine: unknown option '--nope'. Run 'enxame machine list --help'"],
    ['machine frob', "enxame: machine: unknown command 'frob'. Run 'enxame machine --help'"],
    ['list --timeuot 3s', "enxame: list: unknown option '--timeuot'. Did you mean --timeout? Run 'enxame list --help'"],
    ['list --timeout ten x', 'enxame: list: --timeout "ten" is not a duration; write it like 30s, 1m30s or 500ms'],
    ['list a:1 b:1', "enxame: list: too many arguments for 'list'. Expected 1 argument but got 2"],
    ['list', 'enxame: list: the discovery argument is missing: say where the engines are known, as in token://TOKEN'],
    [
      'list foo://x',
      'discovery service not supported: foo:// is unknown. Use token://, file://, etcd://, zk://, consul://, nodes:// or a list',
    ],
    ['list etcd://h,,i/x', 'bad address of a store: a server’s name is missing. Write it like etcd://'],
    ['list 10.0.0.[9:1]:1', 'bad range in "10.0.0.[9:1]:1": [9:1] ends before it begins'],
    ['list 10.0.0.1', 'bad entry "10.0.0.1": the port is missing'],
    ['list a:1 --discovery-opt x', '--discovery-opt "x" is not of the form key=value'],
    ['create me', "enxame: create: too many arguments for 'create'"],
    ['create --service nonsense', 'bad token service address "nonsense"'],
    ['join token://x', 'missing mandatory --advertise flag'],
    [
      'join --advertise nonsense token://x',
      '--advertise should be of the form ip:port or hostname:port, not "nonsense"',
    ],
    ['join --advertise a:1 --advertise b:1 token://x', '--advertise is given twice, "a:1" and "b:1"'],
    ['join --addr a:1 --advertise b:1 token://x', '--advertise is given twice'],
    ['join --advertise a:1 --heartbeat 999ms token://x', '--heartbeat should be at least one second'],
    ['join --advertise a:1 --ttl 60s token://x', '--ttl must be strictly superior to the heartbeat value'],
    ['join --advertise a:1', 'the discovery argument is missing'],
    ['join --advertise a:1 nodes://b:1', 'joining is not implemented in this discovery service: nodes://'],
    ['join --advertise a:1 file:///x', 'joining is not implemented in this discovery service: file://'],
    ['manage --advertise nonsense a:1', '--advertise should be of the form ip:port or hostname:port, not "nonsense"'],
    ['manage --advertise 0.0.0.0:3376 a:1', '--advertise 0.0.0.0:3376 is not where other managers reach this one'],
    ['manage --advertise [::]:3376 a:1', '--advertise [::]:3376 is not where other managers reach this one'],
    ['manage --advertise a:1 --advertise b:1 a:1', '--advertise is given twice, "a:1" and "b:1"'],
    ['manage --heartbeat 0s a:1', '--heartbeat should be at least one second'],
    ['manage -c mesos a:1', 'unknown --cluster-driver "mesos": only swarm is supported'],
    ['manage --engine-refresh-retry 5 a:1', '--engine-refresh-retry is deprecated: use --engine-failure-retry'],
    ['manage --cors a:1', '--api-enable-cors is not offered: any web page could use the engines'],
    ['manage --replication a:1', '--replication needs --advertise HOST:PORT, where the other managers reach this one'],
    ['manage --replication --advertise a:1 b:1', '--replication needs a store that the managers share'],
    [
      'manage --replication --advertise a:1 --replication-ttl 1s etcd://b',
      '--replication-ttl should be from 2s to 10m',
    ],
    ['manage --replication --advertise a:1 --replication-ttl long etcd://b', '--replication-ttl'],
    ['join --mesh a:1', 'an agent that dials (--dial, --mesh) needs --tlscacert, --tlscert and --tlskey'],
    ['join --fence a:1 --spot moon', 'Allowed choices are amazonec2, azure, google'],
    ['fence maybe web', 'Allowed choices are strict, off'],
    ['connect ssh://a', '"ssh://a" is not the address of a manager: write it like 10.0.0.1:3376'],
    ['connect nonsense', 'nonsense'],
    ['connect --listen tcp://127.0.0.1:2375 a:1', '--listen takes a socket, as in unix:///run/enxame.sock'],
    ['connect', 'the managers are missing: write their addresses'],
    ['manage --replication-store etcd://b a:1', '--replication-store is for several managers: pass --replication'],
    [
      'manage --replication --advertise a:1 --replication-store-opt kv.path=x etcd://b',
      '--replication-store-opt goes with --replication-store',
    ],
    ['manage --replication --advertise a:1 --replication-store b:1 a:1', '--replication needs a store'],
    [
      'manage --replication --advertise a:1 --replication-store etcd://b --replication-store-opt x a:1',
      '--replication-store-opt "x" is not of the form key=value',
    ],
    ['manage --replication-ttl 5s a:1', '--replication-ttl is for several managers: pass --replication'],
    ['manage --strategy best a:1', 'Allowed choices are spread, binpack, random, cheapest'],
    ['manage --spread-by region,region a:1', '--spread-by: "region" stands there twice: name labels of nodes'],
    ['manage --spread-by , a:1', '--spread-by: a label is empty: name labels of nodes'],
    ['manage --filter best a:1', 'unknown filter "best": use one of health, port'],
    ['manage foo://x --state-dir none', 'discovery service not supported: foo:// is unknown'],
    // Flags of classic swarm's scripts are accepted: the last error is reported.
    [
      '--experimental manage -c swarm --advertise a:1 --engine-refresh-retry 3 --refresh-on-node-filter --container-name-refresh-filter web foo://x --state-dir none',
      'discovery service not supported: foo:// is unknown',
    ],
    ['discovery -H 2374', 'cannot listen on "2374": the port is missing or not a number'],
    ['discovery -H tcp://:0 --state-dir none', 'refusing to listen on tcp://:0 without TLS'],
    ['discovery --tlscert x', '--tlscert and --tlskey go together'],
    ['discovery --tlscert /nowhere/x --tlskey y', 'cannot read --tlscert /nowhere/x: there is no such file'],
    ['completion', "missing required argument 'shell'"],
    ['completion tcsh', 'Allowed choices are bash, zsh, fish'],
    ['--log-level loud list a:1', 'Allowed choices are silent, fatal, error, warn, info, debug, trace, panic, warning'],
  ])('enxame %s', async (line, why) => {
    const { code, out, err } = await enxame(line, { HOME: '/nowhere' });
    expect(err).toContain(why);
    expect(err).toMatch(/^enxame: [^\n]+\n$/);
    expect({ code, out }).toEqual({ code: 2, out: '' });
  });

  it.each(['machine', 'certs'])('enxame %s without a command shows its help and fails', async (name) => {
    const { code, err } = await enxame(name);
    expect(code).toBe(2);
    expect(err).toContain('Commands:');
    expect(err).toMatch(new RegExp(`\nenxame: ${name}: no command given\\. Run 'enxame ${name} --help'\n$`));
  });

  it('says where an error comes from with --debug', async () => {
    const { code, err } = await enxame('--debug list 10.0.0.1');
    expect(code).toBe(2);
    expect(err.split('\n')[0]).toMatch(/^enxame: list: bad entry/);
    expect(err).toContain('at parseEntry');
    expect((await enxame('list 10.0.0.1', { ENXAME_DEBUG: '1' })).err).toContain('at parseEntry');
  });
});

describe('create, join and list', { timeout: 120_000 }, () => {
  let folder: string;
  let service: FakeIo;
  let served: Promise<number>;
  let url: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'enxame-cli-'));
    service = fakeIo();
    served = run(['discovery', '-H', 'tcp://127.0.0.1:0', '--state-dir', folder, '--log-level', 'silent'], service);
    url = await expect
      .poll(() => /at (http:\S+),/.exec(service.stdout())?.[1], { timeout: 120_000 })
      .toBeDefined()
      .then(() => /at (http:\S+),/.exec(service.stdout())?.[1] ?? '');
  });
  afterEach(async () => {
    service.stop();
    expect(await served).toBe(0);
    await rm(folder, { recursive: true });
  });

  it('a token, three engines, and their list', async () => {
    const created = await enxame(`create --service ${url}`);
    expect(created).toEqual({ code: 0, out: expect.stringMatching(/^[0-9a-f]{32}\n$/), err: '' });
    const token = created.out.trim();
    const env = { ENXAME_DISCOVERY_URL: url, SWARM_DISCOVERY: `token://${token}` };
    expect(await enxame('list', env)).toEqual({ code: 0, out: '', err: '' });

    const agents = ['10.0.0.1:2376', 'tls://10.0.0.2:2376', '10.0.0.3:2376'].map((entry) => {
      const io = fakeIo({ ...env, SWARM_ADVERTISE: entry });
      return { io, code: run(['--log-level', 'silent', 'join', '--delay', '10ms'], io) };
    });
    await expect
      .poll(async () => (await enxame('list', env)).out.split('\n').sort(), { timeout: 120_000 })
      .toEqual(['', '10.0.0.1:2376', '10.0.0.3:2376', 'tls://10.0.0.2:2376']);
    for (const { io, code } of agents) {
      io.stop();
      expect(await code).toBe(0);
    }
    const host = new URL(url).host;
    expect((await enxame(`l token://${host}/v1/${token}`)).out).toContain('10.0.0.1:2376');
  });

  it('hints at the next step when a person looks', async () => {
    const { out, err } = await enxame('create', { ENXAME_DISCOVERY_URL: url }, { isErrTerminal: true });
    expect(err).toContain(`enxame join --advertise HOST:PORT token://${new URL(url).host}/v1/${out.trim()}`);
  });

  it('explains an unknown token without printing it', async () => {
    const token = '0123456789abcdef0123456789abcdef';
    const { code, err } = await enxame(`list token://${token}`, { ENXAME_DISCOVERY_URL: url });
    expect(code).toBe(1);
    expect(err).toMatch(/^enxame: list: the token service at \S+ does not know the token 012345…\. [^\n]+\n$/);
  });

  it('gives a second service one clear line', async () => {
    const address = `tcp://${new URL(url).host}`;
    expect(await enxame(`discovery -H ${address} --state-dir none`)).toEqual({
      code: 1,
      out: '',
      err: `enxame: discovery: cannot listen on ${address}: another process has it. Stop that one or choose another with -H\n`,
    });
    const locked = await enxame(`discovery -H tcp://127.0.0.1:0 --state-dir ${folder}`);
    expect(locked).toMatchObject({ code: 1, err: expect.stringContaining('is in use by another process') });
  });
});

describe('what cannot be right', { timeout: 120_000 }, () => {
  let url: string;
  let service: FakeIo;
  let served: Promise<number>;
  beforeEach(async () => {
    service = fakeIo();
    served = run(['discovery', '-H', 'tcp://127.0.0.1:0', '--state-dir', 'none', '--log-level', 'silent'], service);
    await expect.poll(() => service.stdout(), { timeout: 120_000 }).toMatch(/at http:\S+,/);
    url = /at (http:\S+),/.exec(service.stdout())?.[1] ?? '';
  });
  afterEach(async () => {
    service.stop();
    expect(await served).toBe(0);
  });

  const quiet = '--log-level silent';
  const managing = `${quiet} manage --state-dir none -H tcp://127.0.0.1:0`;

  it.each(['manage', 'join'])('ends %s with one line: a token that the service does not know', async (name) => {
    const line = name === 'manage' ? managing : `${quiet} join --advertise 10.0.0.1:2376`;
    const { code, out, err } = await enxame(`${line} token://${new URL(url).host}/v1/0123456789abcdef`);
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toMatch(/^enxame: \w+: the token service at \S+ does not know the token 012345…\. [^\n]+\n$/);
  });

  it.each(['manage', 'join'])('ends %s with the remedy: HTTPS to a service that speaks plain HTTP', async (name) => {
    const line = name === 'manage' ? managing : `${quiet} join --advertise 10.0.0.1:2376`;
    const env = { ENXAME_DISCOVERY_URL: `https://${new URL(url).host}` };
    const { code, err } = await enxame(`${line} token://0123456789abcdef`, env);
    expect(code).toBe(1);
    expect(err).toMatch(
      /^enxame: \w+: no token service answers at https:[^\n]+ --discovery-opt token\.insecure=true\n$/,
    );
  });

  it('ends join with one line: an address that others cannot reach', async () => {
    const token = (await enxame(`create --service ${url}`)).out.trim();
    const { code, err } = await enxame(
      `${quiet} join --advertise unix:///run/docker.sock token://${new URL(url).host}/v1/${token}`,
    );
    expect(code).toBe(1);
    expect(err).toMatch(
      /^enxame: join: [^\n]*"unix:\/\/\/run\/docker.sock" is not a host that others can reach[^\n]+\n$/,
    );
  });

  it.each([
    ['/nowhere/nodes', 'there is no such file'],
    ['/', 'it is not a regular file'],
    [join(import.meta.dirname, 'program.ts'), 'line 1: bad entry'],
  ])('ends manage with one line: the file %s', async (file, why) => {
    const { code, out, err } = await enxame(`${managing} file://${file}`);
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toMatch(/^enxame: manage: [^\n]+\n$/);
    expect(err).toContain(why);
  });
});

describe('without an answer', { timeout: 120_000 }, () => {
  it('create says how to start a service', async () => {
    const { code, err } = await enxame('create --service http://127.0.0.1:1');
    expect(code).toBe(1);
    expect(err).toMatch(
      /^enxame: create: no token service answers at http:\/\/127\.0\.0\.1:1\/v1: [^\n]+ Start one with 'enxame discovery'[^\n]+\n$/,
    );
  });

  it('list times out', async () => {
    const silent = createServer();
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as AddressInfo;
    const { code, err } = await enxame(`list --timeout 50ms token://127.0.0.1:${port}/v1/x`);
    silent.close();
    expect(code).toBe(1);
    expect(err).toBe('enxame: list: Timed out: no answer within 50ms. Wait longer with --timeout\n');
  });
});
