import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Generation, type Lab, startLab } from '../../src/lab/lab.ts';
import { waitFor } from '../../src/namespaces/processes.ts';
import { type LabManager, managerOver } from '../engines/manager-over-lab.ts';

/** The calls that lean most on Node's HTTP, by old and new clients to old and new engines. Made for every release of Node. */
const ENGINES: readonly { readonly name: string; readonly generation: Generation }[] = [
  { name: 'old', generation: '20.10' },
  { name: 'new', generation: '28.5' },
];

let lab: Lab;
let swarm: LabManager;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'enxame-nodes-'));
  lab = await startLab({ nodes: ENGINES });
  await Promise.all(lab.nodes.map((node) => node.load(['busybox'])));
  swarm = await managerOver(lab, ['enxame.substrate=off']);
});

afterAll(async () => {
  await swarm?.close();
  await lab?.close();
  if (folder) await rm(folder, { recursive: true });
});

describe.each(ENGINES)('client and engine $generation', ({ name, generation }) => {
  const box = `box-${name}`;
  const docker = (args: readonly string[], input?: string): Promise<string> =>
    swarm.must(args, { generation, ...(input === undefined ? {} : { input }) });
  const on = ['-e', `constraint:node==${name}`];

  beforeAll(async () => {
    await docker(['run', '-d', ...on, '--name', box, 'busybox', 'sh', '-c', 'echo started; exec sleep 1000']);
  });

  test('run', async () => {
    expect(await docker(['run', '--rm', ...on, 'busybox', 'echo', 'one'])).toBe('one');
    expect(await docker(['run', '--rm', '-i', ...on, 'busybox', 'cat'], 'piped')).toBe('piped');
    const failed = await swarm.docker(['run', '--rm', ...on, 'busybox', 'sh', '-c', 'exit 7'], { generation });
    expect(failed.exitCode).toBe(7);
  });

  test('exec', async () => {
    expect(await docker(['exec', box, 'echo', 'two'])).toBe('two');
    expect(await docker(['exec', '-i', box, 'cat'], 'input')).toBe('input');
    await docker(['exec', '-d', box, 'touch', '/detached']);
    const missing = await swarm.docker(['exec', box, 'no-such-program'], { generation });
    expect([126, 127]).toContain(missing.exitCode);
  });

  test('attach', async () => {
    await docker(['create', '-i', ...on, '--name', `cat-${name}`, 'busybox', 'cat']);
    expect(await docker(['start', '-ai', `cat-${name}`], 'attached')).toBe('attached');
  });

  test('logs', async () => {
    await waitFor('its output', async () => (await docker(['logs', box])) === 'started');
    await docker(['run', '-d', ...on, '--name', `brief-${name}`, 'busybox', 'sh', '-c', 'echo a; sleep 1; echo b']);
    expect(await docker(['logs', '-f', `brief-${name}`])).toBe('a\nb');
  });

  test('cp', async () => {
    const [there, back] = [join(folder, `${name}-there`), join(folder, `${name}-back`)];
    const content = 'x'.repeat(3_000_000);
    await writeFile(there, content);
    await docker(['cp', there, `${box}:/copy`]);
    await docker(['cp', `${box}:/copy`, back]);
    expect((await readFile(back, 'utf8')) === content).toBe(true);
  });

  test('build', async () => {
    await writeFile(join(folder, 'Dockerfile'), `FROM busybox\nRUN echo ${name} > /built\n`);
    await swarm.must(['build', '-t', `built-${name}`, folder], { generation, env: { DOCKER_BUILDKIT: '0' } });
    expect(await docker(['run', '--rm', ...on, `built-${name}`, 'cat', '/built'])).toBe(name);
  });
});

test('BuildKit builds within its session', async () => {
  await writeFile(join(folder, 'Dockerfile'), 'FROM busybox\nRUN echo kit > /built\n');
  await swarm.must(['build', '-t', 'built-kit', folder], { env: { DOCKER_BUILDKIT: '1' } });
  expect(await swarm.must(['run', '--rm', 'built-kit', 'cat', '/built'])).toBe('kit');
});

test('a session that announces chunks and sends none is upgraded', async () => {
  const [, host = '', port] = /^tcp:\/\/(.*):(\d+)$/.exec(swarm.endpoint) ?? [];
  const socket = connect(Number(port), host);
  const session = 'X-Docker-Expose-Session-Uuid: abcdefabcdef\r\nX-Docker-Expose-Session-Name: x\r\n';
  const upgrade = 'Transfer-Encoding: chunked\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n';
  socket.write(`POST /v1.41/session HTTP/1.1\r\nHost: x\r\n${upgrade}${session}\r\n`);
  const head = await new Promise<string>((resolve) => socket.once('data', (bytes) => resolve(bytes.toString())));
  socket.destroy();
  expect(head).toMatch(/^HTTP\/1.1 101 /);
});
