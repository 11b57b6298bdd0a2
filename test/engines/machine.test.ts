import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { run } from '../../src/common/command.ts';
import { driver as localDriver } from '../../src/drivers/local/local.ts';
import { clientPath } from '../../src/lab/clients.ts';
import { ensureImage } from '../../src/lab/images.ts';
import type { CommandResult, Generation } from '../../src/lab/lab.ts';
import { waitFor } from '../../src/namespaces/processes.ts';
import { removeRun } from '../../src/namespaces/removal.ts';
import { testDriver } from '../conformance/driver.ts';
import { type EnxameProcess, enxame } from './enxame-process.ts';
import { installPacked, type PackedProgram } from './packed.ts';

/** A local network of this run's own, so that nothing here meets other machines of this host. */
interface Place {
  readonly folder: string;
  readonly network: string;
  /** Namespaces, devices and folders that are there because of it. */
  traces(): Promise<string[]>;
  close(): Promise<void>;
}

async function newPlace(): Promise<Place> {
  const folder = await mkdtemp('/var/tmp/enxame-machines-');
  const network = `t-${folder
    .slice(-6)
    .toLowerCase()
    .replace(/[^a-z0-9]/g, 'x')}`;
  return {
    folder,
    network,
    traces: async () => {
      const spaces = (await readdir('/run/netns').catch(() => [])).filter((name) =>
        name.startsWith(`enxame.${network}`),
      );
      const folders = await readdir(join(folder, 'local', network, 'nodes')).catch(() => []);
      const groups = await readdir(`/sys/fs/cgroup/memory/enxame-lab/${network}`).catch(() => []);
      return [...spaces, ...folders, ...groups.filter((name) => !name.includes('.'))].sort();
    },
    close: async () => {
      await removeRun(network);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

testDriver('local', async () => {
  const place = await newPlace();
  return {
    driver: localDriver,
    options: { 'local-folder': join(place.folder, 'local'), 'local-network': place.network },
    env: {},
    existing: place.traces,
    close: place.close,
  };
});

/** What a person types, as processes of their own over one store. */
class Person {
  readonly place: Place;
  readonly env: Readonly<Record<string, string>>;
  /** The program that is run. */
  readonly main: string;

  constructor(
    place: Place,
    env: Readonly<Record<string, string>> = {},
    main = join(process.cwd(), 'dist/cli/main.js'),
  ) {
    this.place = place;
    this.main = main;
    this.env = {
      HOME: join(place.folder, 'home'),
      ENXAME_MACHINE_STORAGE_PATH: join(place.folder, 'store'),
      ENXAME_LOCAL_DIR: join(place.folder, 'local'),
      ENXAME_LOCAL_NETWORK: place.network,
      ENXAME_LOCAL_GENERATION: process.env.ENXAME_GENERATIONS?.split(',')[0] ?? '20.10',
      DOCKER_CONFIG: join(place.folder, 'home', '.docker'),
      ...env,
    };
  }

  /** Runs `enxame …`; fails the test with what it said unless it ends well. */
  async enxame(...args: readonly string[]): Promise<string> {
    const { code, said } = await this.try(...args);
    expect(code, `enxame ${args.join(' ')}: ${said}`).toBe(0);
    return said;
  }

  async try(...args: readonly string[]): Promise<{ code: number | null; said: string }> {
    const process = enxame(args, this.env, this.main);
    const code = await process.ended();
    return { code, said: process.said() };
  }

  /** Does what `eval "$(enxame machine env …)"` does, and runs the words in that shell. */
  async after(envArgs: string, script: string, options: { readonly cwd?: string } = {}): Promise<CommandResult> {
    const line = `set -e; eval "$(${process.execPath} ${this.main} machine env --shell bash ${envArgs})"; ${script}`;
    const cwd = options.cwd === undefined ? '' : `cd ${options.cwd}; `;
    return await run('bash', ['-c', cwd + line], { env: { ...this.env, ...(await clientEnv()) }, timeoutMs: 300_000 });
  }
}

const clients: Generation = '28.5';

/** PATH with a docker that has compose. */
async function clientEnv(): Promise<Record<string, string>> {
  const docker = await clientPath('docker', clients);
  const compose = await clientPath('compose', clients);
  return {
    PATH: `${docker.command.slice(0, docker.command.lastIndexOf('/'))}:${process.env.PATH ?? ''}`,
    DOCKER_CONFIG: compose.env.DOCKER_CONFIG ?? '',
  };
}

async function shell(person: Person, envArgs: string, script: string): Promise<string> {
  const { stdout, stderr, exitCode } = await person.after(envArgs, script);
  expect(exitCode, `${script}: ${stderr}`).toBe(0);
  return stdout.trim();
}

describe("the article's four steps with local machines, by the package as it is installed", () => {
  const machines = ['abelha-rainha', 'abelha-operaria-1', 'abelha-operaria-2'] as const;
  const [queen, first, second] = machines;
  let place: Place;
  let person: Person;
  let service: EnxameProcess;
  let token: string;
  let project: string;
  let packed: PackedProgram;

  beforeAll(async () => {
    [place, packed] = await Promise.all([newPlace(), installPacked()]);
    person = new Person(place, {}, packed.main);
    project = join(place.folder, 'project');
    await run('mkdir', ['-p', project]);
    await writeFile(join(project, 'compose.yml'), 'services:\n  redis:\n    image: redis\n    ports: ["6379"]\n');
    const host = (await person.enxame('machine', 'host-address', '-d', 'local')).trim();
    service = enxame(['discovery', '-H', `tcp://${host}:0`, '--insecure', '--state-dir', 'none'], {}, packed.main);
    const [, url = ''] = await service.until(/at (http:\S+?),/);
    const code = (await person.enxame('create', '--service', url)).trim();
    token = `token://${new URL(url).host}/v1/${code}`;
    // npm fetches packages.
  }, 900_000);

  afterAll(async () => {
    await service?.end('SIGKILL');
    await Promise.all([place?.close(), packed?.close()]);
  });

  const swarm = (): string[] => ['--swarm', '--swarm-discovery', token, '--swarm-discovery-opt', 'token.insecure=true'];

  test('machines are made, the master with the manager', async () => {
    const [master, workers] = await Promise.all([
      person.try('machine', 'create', '-d', 'local', '--swarm-master', ...swarm(), queen),
      person.try('machine', 'create', '-d', 'local', ...swarm(), '--engine-label', 'zone=b', first, second),
    ]);
    expect(master.code, master.said).toBe(0);
    expect(workers.code, workers.said).toBe(0);
    const rows = await person.enxame('machine', 'ls', '-f', '{{.Name}}: {{.State}}, {{.Swarm}}, {{.Error}}');
    expect(rows.trim().split('\n')).toEqual([
      `${first}: Running, ${queen}, `,
      `${second}: Running, ${queen}, `,
      `${queen}: Running, ${queen} (master),`,
    ]);
  });

  test('docker talks to the swarm after env --swarm', async () => {
    await waitFor('three healthy nodes', async () => {
      const { stdout } = await person.after(`--swarm ${queen}`, 'docker info');
      return (stdout.match(/Status: Healthy/g) ?? []).length === 3;
    });
    expect(await person.enxame('machine', 'active', '-t', '5').catch(() => '')).toBe('');
    const active = new Person(place, { DOCKER_HOST: await shell(person, `--swarm ${queen}`, 'echo $DOCKER_HOST') });
    expect((await active.enxame('machine', 'active')).trim()).toBe(queen);
    expect(await active.enxame('machine', 'ls', '--filter', `name=${queen}`)).toContain('* (swarm)');
  });

  test('compose spreads four redis over three machines, and shows nothing else', async () => {
    const image = await ensureImage('redis');
    for (const name of machines) await shell(person, name, `docker load -q -i ${image}`);
    const up = await person.after(`--swarm ${queen}`, 'docker compose up -d --scale redis=4', { cwd: project });
    expect(up.exitCode, up.stderr).toBe(0);
    const ps = await shell(person, `--swarm ${queen}`, "docker ps --format '{{.Names}} {{.Ports}}'");
    const lines = ps.split('\n');
    expect(lines).toHaveLength(4);
    const nodes = new Set(lines.map((line) => line.split('/')[0]));
    expect(nodes).toEqual(new Set(machines));
    const ips = (await person.enxame('machine', 'ip', ...machines)).trim().split('\n');
    for (const line of lines) expect(ips).toContain(/ (\d+\.\d+\.\d+\.\d+):\d+->6379/.exec(line)?.[1]);
  });

  test('the agents run on the machines and say which engine they speak for', async () => {
    const names = await shell(person, first, 'docker ps --format \'{{.Names}} {{.Label "enxame.role"}}\'');
    expect(names).toContain('swarm-agent agent');
    const master = await shell(
      person,
      queen,
      "docker inspect -f '{{.HostConfig.RestartPolicy.Name}}' swarm-agent-master",
    );
    expect(master).toBe('always');
  });

  const strict = (name: string, constraint: string): Promise<CommandResult> => {
    const flags = `-d --restart always --name ${name} -e constraint:node==${constraint} --label io.enxame.fence=strict`;
    return person.after(`--swarm ${queen}`, `docker run ${flags} redis`);
  };
  /** Also of one whose node is down. */
  const nodeOf = (name: string): Promise<string> => {
    const ps = `docker ps -a --filter 'name=/${name}$' --format '{{.Names}}'`;
    return shell(person, `--swarm ${queen}`, ps).then((shown) => shown.replace(/\/.*$/, ''));
  };

  test('each has an agent that ends strict containers, and takes some', async () => {
    for (const name of machines)
      await waitFor(`an agent of ${name}`, async () => (await strict(`strict-${name}`, name)).exitCode === 0);
    await strict('strict', `~${second}`);
    expect(await nodeOf('strict')).toBe(second);
  });

  test('a stopped machine shows as such, and comes back', async () => {
    await person.enxame('machine', 'stop', second);
    expect((await person.enxame('machine', 'status', second)).trim()).toBe('Stopped');
    const { code, said } = await person.try('machine', 'env', second);
    expect([code, said]).toEqual([1, expect.stringContaining('Host is not running')]);
    await waitFor('the manager to notice', async () => {
      const { stdout } = await person.after(`--swarm ${queen}`, 'docker info');
      return (stdout.match(/Status: Healthy/g) ?? []).length === 2;
    });
    // Its agent has handed nothing back: the engine was gone first.
    await waitFor('the strict container elsewhere', async () => (await nodeOf('strict')) !== second);
    await person.enxame('machine', 'start', second);
    await waitFor('three healthy nodes', async () => {
      const { stdout } = await person.after(`--swarm ${queen}`, 'docker info');
      return (stdout.match(/Status: Healthy/g) ?? []).length === 3;
    });
  });

  test('a machine that is removed is out at once, and a new one, seen when it is ready, is another node', async () => {
    const gone = (await person.enxame('machine', 'ip', second)).trim();
    const info = async (): Promise<string> => (await person.after(`--swarm ${queen}`, 'docker info')).stdout;
    const idOf = (text: string, name: string): string =>
      new RegExp(`^ +${name}: .*\\n.*ID: (\\S+)`, 'm').exec(text)?.[1] ?? '';
    const before = idOf(await info(), second);
    expect(before).not.toBe('');
    await person.enxame('machine', 'rm', '-y', second);
    expect(await person.enxame('list', '--discovery-opt', 'token.insecure=true', token)).not.toContain(`${gone}:`);
    await waitFor('the manager to let go of it', async () => !(await info()).includes(second));
    await person.enxame('machine', 'create', '-d', 'local', ...swarm(), second);
    const now = await info();
    expect(now.match(/Status: Healthy/g)).toHaveLength(3);
    expect(idOf(now, second)).not.toBe(before);
  });

  test('a create that is refused leaves nothing', async () => {
    const traces = await place.traces();
    const wrong = [
      '--swarm',
      '--swarm-discovery',
      `${token.slice(0, -6)}000000`,
      '--swarm-discovery-opt',
      'token.insecure=true',
    ];
    for (const words of [wrong, ['--swarm', '--swarm-discovery', token], ['--local-network', 'Not A Name']]) {
      const { code, said } = await person.try('machine', 'create', '-d', 'local', ...words, 'nobody');
      expect([code, said]).toEqual([2, expect.stringMatching(/^enxame: machine: [^\n]+\n$/)]);
    }
    expect((await person.enxame('machine', 'ls', '-q')).trim().split('\n').sort()).toEqual([...machines].sort());
    expect(await readdir(join(place.folder, 'store', 'machines'))).toHaveLength(machines.length);
    expect(await place.traces()).toEqual(traces);
  });

  test('no output has the token', async () => {
    const secret = token.slice(-32);
    for (const words of [['ls'], ['ls', '--json'], ['inspect', queen], ['inspect', '-f', '{{json .}}', first]])
      expect(await person.enxame('machine', ...words)).not.toContain(secret);
    const logs = await shell(person, queen, 'docker logs swarm-agent-master 2>&1; docker logs swarm-agent 2>&1');
    expect(logs).not.toContain(secret);
    expect(await shell(person, `--swarm ${queen}`, 'docker info')).not.toContain(secret);
  });

  test('rm leaves nothing', async () => {
    expect(await place.traces()).not.toEqual([]);
    await person.enxame('machine', 'rm', '-y', ...machines);
    expect(await place.traces()).toEqual([]);
    expect((await person.enxame('machine', 'ls', '-q')).trim()).toBe('');
    expect(await readdir(join(place.folder, 'store', 'machines'))).toEqual([]);
    expect(await readdir(join(place.folder, 'store', 'locks'))).toEqual([]);
  });
});

describe('one local machine', () => {
  let place: Place;
  let person: Person;

  beforeAll(async () => {
    place = await newPlace();
    person = new Person(place);
    await person.enxame('machine', 'create', '-d', 'local', 'um');
  });
  afterAll(() => place?.close());

  test('gets new certificates while its containers run on', async () => {
    await shell(person, 'um', `docker load -q -i ${await ensureImage('busybox')}`);
    await shell(person, 'um', 'docker run -d --name sleeper busybox sleep 1000');
    const look = `docker inspect -f '{{.State.Pid}} {{.State.StartedAt}}' sleeper`;
    const before = await shell(person, 'um', look);
    const folder = join(place.folder, 'store/machines/um/tls');
    const [server, client] = await Promise.all([
      readFile(join(folder, 'server.pem')),
      readFile(join(folder, 'cert.pem')),
    ]);
    await person.enxame('machine', 'regenerate-certs', '-f', '--client-certs', 'um');
    expect(await readFile(join(folder, 'server.pem'))).not.toEqual(server);
    expect(await readFile(join(folder, 'cert.pem'))).not.toEqual(client);
    expect(await shell(person, 'um', look)).toBe(before);
    // Swarm mode must stay possible afterwards.
    expect(await shell(person, 'um', "docker info -f '{{.LiveRestoreEnabled}}'")).toBe('false');
  });

  test('says what keeps a manager from staying up, and goes on when that is mended', async () => {
    const swarm = ['--swarm', '--swarm-master', '--swarm-discovery', 'nodes://127.0.0.1:1'];
    const { code, said } = await person.try(
      'machine',
      'create',
      '-d',
      'local',
      ...swarm,
      '--swarm-opt',
      'x=1',
      'mestra',
    );
    expect([code, said]).toEqual([
      1,
      expect.stringMatching(
        /swarm-agent-master does not stay up: .*unknown option '--x=1'.*repeat the command to go on/,
      ),
    ]);
    await person.enxame('machine', 'create', '-d', 'local', ...swarm, 'mestra');
    expect(await shell(person, 'mestra', "docker ps --format '{{.Names}} {{.Status}}'")).toMatch(
      /^swarm-agent-master Up/,
    );
    await person.enxame('machine', 'rm', '-y', 'mestra');
  });

  test("can have certificates of the person's own authority", async () => {
    const [cert, key] = [join(place.folder, 'corp.pem'), join(place.folder, 'corp-key.pem')];
    const request = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=corp', '-days', '900'];
    const use = ['-addext', 'keyUsage=critical,keyCertSign'];
    await run('openssl', [...request, ...use, '-keyout', key, '-out', cert]);
    const boss = new Person(place, { MACHINE_TLS_CA_CERT: cert, MACHINE_TLS_CA_KEY: key });
    await boss.enxame('machine', 'create', '-d', 'local', 'corp');
    expect(await shell(person, 'corp', "docker info -f '{{.Name}}'")).toBe('corp');
    const server = join(place.folder, 'store/machines/corp/tls/server.pem');
    expect((await run('openssl', ['x509', '-noout', '-issuer', '-in', server])).stdout).toMatch(/CN ?= ?corp/);
    await person.enxame('machine', 'regenerate-certs', '-f', '--client-certs', 'corp');
    expect(await shell(person, 'corp', "docker info -f '{{.Name}}'")).toBe('corp');
    await person.enxame('machine', 'rm', '-y', 'corp');
  });

  test('refuses a client without a certificate of its authority', async () => {
    const url = (await person.enxame('machine', 'url', 'um')).trim().replace('tcp:', 'https:');
    const { stdout, exitCode } = await run('curl', ['-sk', `${url}/version`]);
    expect([stdout, exitCode === 0]).toEqual(['', false]);
  });

  test('runs commands and keeps their exit code', async () => {
    expect((await person.enxame('machine', 'ssh', 'um', 'hostname')).trim()).toBe('um');
    expect(await person.enxame('machine', 'ssh', 'um', 'ls', '-l', '/run/docker.sock')).toContain('docker.sock');
    expect((await person.try('machine', 'ssh', 'um', 'exit 7')).code).toBe(7);
  });

  test('copies files from and to where the person is', async () => {
    await writeFile(join(place.folder, 'letter'), 'good day\n');
    const copy = (words: string): Promise<CommandResult> =>
      run('bash', ['-c', `cd ${place.folder} && ${process.execPath} ${person.main} machine scp ${words}`], {
        env: person.env,
      });
    expect((await copy(`letter um:/run/letter`)).exitCode).toBe(0);
    expect(await person.enxame('machine', 'ssh', 'um', 'cat /run/letter')).toBe('good day\n');
    expect((await copy(`um:/run/letter ./back`)).exitCode).toBe(0);
    expect(await readFile(join(place.folder, 'back'), 'utf8')).toBe('good day\n');
  });

  test('can be handed to a team-mate, who gets a certificate of their own', async () => {
    const file = join(place.folder, 'um.enxame');
    await writeFile(join(place.folder, 'secret'), 'a passphrase\n');
    const locked = ['--passphrase-file', join(place.folder, 'secret')];
    await person.enxame('machine', 'export', ...locked, '--for', 'alice', '-o', file, 'um');
    const alice = new Person(place, { ENXAME_MACHINE_STORAGE_PATH: join(place.folder, 'store-of-alice') });
    await alice.enxame('machine', 'import', ...locked, file);
    expect(await shell(alice, 'um', "docker info -f '{{.Name}}'")).toBe('um');
    const cert = await readFile(join(place.folder, 'store-of-alice/machines/um/tls/cert.pem'), 'utf8');
    expect((await run('openssl', ['x509', '-noout', '-subject'], { input: cert })).stdout).toContain('alice');
    const { code, said } = await alice.try('machine', 'regenerate-certs', '-f', 'um');
    expect([code, said]).toEqual([1, expect.stringContaining('has no key here')]);
  });

  test('becomes a docker context', async () => {
    await person.enxame('machine', 'context', 'um');
    const { DOCKER_CONFIG: _other, ...client } = await clientEnv();
    const env = { ...person.env, ...client };
    const { stdout, stderr } = await run('docker', ['--context', 'um', 'ps', '--format', '{{.Names}}'], { env });
    expect(stdout, stderr).toContain('sleeper');
  });

  test('keeps its containers, address and certificate over a crash of its host', async () => {
    const ip = await person.enxame('machine', 'ip', 'um');
    await person.enxame('machine', 'kill', 'um');
    expect(await person.enxame('machine', 'ls', '-f', '{{.Name}} {{.State}}')).toBe('um Stopped\n');
    await person.enxame('machine', 'start', 'um');
    expect(await person.enxame('machine', 'ip', 'um')).toBe(ip);
    expect(await shell(person, 'um', "docker ps -a --format '{{.Names}}'")).toBe('sleeper');
  });

  test('two processes do not work on it at once', async () => {
    const both = await Promise.all([person.try('machine', 'restart', 'um'), person.try('machine', 'restart', 'um')]);
    for (const { code, said } of both) if (code !== 0) expect(said).toContain('is in use by another enxame');
    expect(both.map(({ code }) => code)).toContain(0);
    expect((await person.enxame('machine', 'status', 'um')).trim()).toBe('Running');
  });
});

describe('a create that is interrupted', () => {
  test.each(['SIGINT', 'SIGKILL'] as const)(
    'by %s is listed, goes on, and leaves nothing when removed',
    async (signal) => {
      const place = await newPlace();
      const person = new Person(place);
      try {
        const create = enxame(['machine', 'create', '-d', 'local', 'dois'], person.env);
        await create.until(/setting up its engine/);
        expect(await create.end(signal)).not.toBe(0);
        expect(await person.enxame('machine', 'ls')).toContain('not finished');
        await person.enxame('machine', 'create', '-d', 'local', 'dois');
        expect(await person.enxame('machine', 'ls', '-f', '{{.Name}} {{.State}} {{.Error}}')).toBe('dois Running \n');
        await person.enxame('machine', 'rm', '-y', 'dois');
        expect(await place.traces()).toEqual([]);
      } finally {
        await place.close();
      }
    },
  );
});

describe('a fleet', () => {
  test('is made from a file, converges, and goes', async () => {
    const place = await newPlace();
    const person = new Person(place);
    try {
      const file = join(place.folder, 'bees.yml');
      const write = (count: number, zone: string): Promise<void> =>
        writeFile(file, `machines:\n  bee: { driver: local, count: ${count}, labels: { zone: ${zone} } }\n`);
      await write(2, 'a');
      expect(await person.enxame('machine', 'up', '-y', '-f', file)).toContain('2 to create.');
      expect(await person.enxame('machine', 'up', '-y', '-f', file)).toContain('2 to keep.');
      await person.enxame('machine', 'stop', 'bee-2');
      await write(3, 'a');
      expect(await person.enxame('machine', 'up', '-y', '-f', file)).toContain('1 to create, 1 to start, 1 to keep.');
      await write(1, 'b');
      expect(await person.enxame('machine', 'up', '-y', '-f', file)).toContain('1 to update, 2 to remove.');
      expect(await shell(person, 'bee-1', "docker info -f '{{.Labels}}'")).toContain('zone=b');
      await person.enxame('machine', 'down', '-y', '-f', file);
      expect(await place.traces()).toEqual([]);
    } finally {
      await place.close();
    }
  });
});

describe('a cheaper machine of a fleet file', { timeout: 900_000 }, () => {
  let place: Place;
  let person: Person;
  let service: EnxameProcess;
  let token: string;

  beforeAll(async () => {
    place = await newPlace();
    person = new Person(place);
    const host = (await person.enxame('machine', 'host-address', '-d', 'local')).trim();
    service = enxame(['discovery', '-H', `tcp://${host}:0`, '--insecure', '--state-dir', 'none']);
    const [, url = ''] = await service.until(/at (http:\S+?),/);
    token = `token://${new URL(url).host}/v1/${(await person.enxame('create', '--service', url)).trim()}`;
  });

  afterAll(async () => {
    await service?.end('SIGKILL');
    await place?.close();
  });

  async function makeSwarm(): Promise<Person> {
    const swarm = ['--swarm', '--swarm-discovery', token, '--swarm-discovery-opt', 'token.insecure=true'];
    const create = (name: string, price: string, ...more: readonly string[]): Promise<string> =>
      person.enxame(
        ...['machine', 'create', '-d', 'local', ...swarm, ...more],
        ...['--engine-label', `io.enxame.price=${price} EUR/month`, name],
      );
    await Promise.all([create('rainha', '20', '--swarm-master'), create('cara', '90')]);
    await waitFor('two healthy nodes', async () => {
      const { stdout } = await person.after('--swarm rainha', 'docker info');
      return (stdout.match(/Status: Healthy/g) ?? []).length === 2;
    });
    const env = await shell(person, '--swarm rainha', 'env');
    return new Person(
      place,
      Object.fromEntries(
        ['DOCKER_HOST', 'DOCKER_TLS_VERIFY', 'DOCKER_CERT_PATH'].map((name) => [
          name,
          new RegExp(`^${name}=(.*)$`, 'm').exec(env)?.[1] ?? '',
        ]),
      ),
    );
  }

  test('is made and filled, and the dear one goes, however often that is interrupted', async () => {
    const client = await makeSwarm();
    const docker = (script: string): Promise<string> => shell(person, '--swarm rainha', `docker ${script}`);
    await shell(person, 'cara', `docker load -q -i ${await ensureImage('busybox')}`);
    const flags = '-d --restart always --stop-signal KILL -e constraint:node!=rainha';
    await docker(`run ${flags} --name web busybox sleep 1000`);
    await docker(
      `run ${flags} --name db -v data:/data busybox sh -c '[ -f /data/it ] || echo kept > /data/it; sleep 1000'`,
    );
    const file = join(place.folder, 'fleet.yml');
    const size = 'io.enxame.cpus: 1, io.enxame.memory: 1g';
    await writeFile(
      file,
      `swarm: { discovery: '${token}', discovery-options: [token.insecure=true] }\nmachines:\n  barata: { driver: local, labels: { io.enxame.price: 5 EUR/month, ${size} } }\n`,
    );
    const words = ['plan', 'cheapest', '--fleet', file, '--keep', 'rainha', '--apply', '--yes'];

    const making = enxame(words, client.env);
    await making.until(/\(barata\) .*setting up its engine/);
    expect(await making.end('SIGINT'), making.said()).not.toBe(0);
    expect(await person.enxame('machine', 'ls')).toContain('not finished');

    const moving = enxame(words, client.env);
    await moving.until(/: cara -> barata: moving/);
    expect(await moving.end('SIGINT'), moving.said()).not.toBe(0);
    expect(moving.said()).toContain('Run it again to go on');

    // It may be out of the swarm by then: only the store knows of it.
    const removing = enxame(words, client.env);
    await removing.until(/\(cara\) leaving the swarm/);
    await removing.end('SIGINT');

    expect(await client.enxame(...words)).toContain('25.00 EUR');
    const rows = await person.enxame('machine', 'ls', '-f', '{{.Name}}: {{.State}}, {{.Error}}');
    expect(rows.trim().split('\n')).toEqual(['barata: Running, ', 'rainha: Running,']);
    expect(await readdir(join(place.folder, 'store', 'machines'))).toHaveLength(2);
    expect((await place.traces()).filter((trace) => trace.includes('cara'))).toEqual([]);
    const shown = async (): Promise<string[]> =>
      (await docker("ps -a --filter name=web --filter name=db --format '{{.Names}} {{.State}}'")).split('\n').sort();
    await expect.poll(shown).toEqual(['barata/db running', 'barata/web running']);
    expect(await docker('exec db cat /data/it')).toBe('kept');
  });
});

describe('three masters', { timeout: 1_500_000 }, () => {
  let place: Place;
  let person: Person;
  let service: EnxameProcess;
  let swarm: readonly string[];

  beforeAll(async () => {
    place = await newPlace();
    person = new Person(place);
    const host = (await person.enxame('machine', 'host-address', '-d', 'local')).trim();
    service = enxame(['discovery', '-H', `tcp://${host}:0`, '--insecure', '--state-dir', 'none']);
    const [, url = ''] = await service.until(/at (http:\S+?),/);
    const token = `token://${new URL(url).host}/v1/${(await person.enxame('create', '--service', url)).trim()}`;
    swarm = ['--swarm', '--swarm-master', '--swarm-discovery', token, '--swarm-discovery-opt', 'token.insecure=true'];
  });

  afterAll(async () => {
    await service?.end('SIGKILL');
    await place?.close();
  });

  /** Makes masters that have an image, which no registry has. */
  async function create(...names: readonly string[]): Promise<string> {
    const said = await person.enxame('machine', 'create', '-d', 'local', ...swarm, ...names);
    const image = await ensureImage('busybox');
    for (const name of names) await shell(person, name, `docker load -q -i ${image}`);
    return said;
  }

  /** Pulls the plug of a machine: its first process, and with it all there is of it. */
  async function kill(name: string): Promise<void> {
    const nodes = join(place.folder, 'local', place.network, 'nodes');
    const [folder = ''] = (await readdir(nodes)).filter((each) => each.startsWith(`${name}-`));
    const { init } = JSON.parse(await readFile(join(nodes, folder, 'processes.json'), 'utf8')) as {
      readonly init: { readonly pid: number };
    };
    process.kill(init.pid, 'SIGKILL');
  }

  /** Creates a container through a master, as soon as the managers take it. */
  async function createThrough(master: string, container: string): Promise<void> {
    const script = `docker create --name ${container} busybox sleep 1000`;
    const isTaken = async (): Promise<boolean> => {
      const { exitCode, stderr } = await person.after(`--swarm ${master}`, script);
      // One whose answer was lost may be there.
      return exitCode === 0 || /Conflict/.test(stderr);
    };
    await waitFor(`a create through ${master}`, isTaken, { timeoutMs: 300_000, everyMs: 500 });
  }

  const containers = async (master: string): Promise<string[]> =>
    (await shell(person, `--swarm ${master}`, "docker ps -a --filter name=livro --format '{{.Names}}'"))
      .split('\n')
      .map((name) => name.split('/').at(-1) ?? '')
      .sort();

  test('lose one and another, and nothing of what was asked for', async () => {
    await create('um');
    await createThrough('um', 'livro-1');

    expect(await create('dois', 'tres')).toContain('um: handing the records of the cluster over');
    await expect.poll(() => containers('tres')).toEqual(['livro-1']);

    await kill('um');
    await createThrough('dois', 'livro-2');
    await expect.poll(() => containers('dois')).toEqual(['livro-1', 'livro-2']);

    expect(await person.enxame('machine', 'rm', '-y', 'um')).toContain("removing the store's server um-");
    await create('quatro');
    await expect.poll(() => containers('quatro')).toContain('livro-2');

    // The one that was lost is replaced: another one can be lost, and no more than that.
    await kill('dois');
    await createThrough('quatro', 'livro-3');
    const { code, said } = await person.try('machine', 'rm', '-y', 'tres');
    expect([code, said]).toEqual([1, expect.stringContaining('"tres" cannot be removed now')]);
    await expect.poll(() => containers('tres')).toContain('livro-3');
  });
});
