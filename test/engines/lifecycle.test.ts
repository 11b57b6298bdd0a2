import { readFile } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { type Generation, type Lab, startLab } from '../../src/lab/lab.ts';
import { generations } from '../../src/namespaces/generations.ts';
import { waitFor } from '../../src/namespaces/processes.ts';
import { type LabManager, managerOver } from './manager-over-lab.ts';
import { siteOver } from './sites.ts';
import { tidy } from './tidy.ts';

let lab: Lab;
let manager: LabManager;

const nodeName = (generation: Generation): string => `engine-${generation.replace('.', '-')}`;

beforeAll(async () => {
  lab = await startLab({ nodes: generations.map((generation) => ({ name: nodeName(generation), generation })) });
  await Promise.all(lab.nodes.map((node) => node.load(['busybox'])));
  manager = await managerOver(lab, ['enxame.substrate=off']);
});

afterAll(async () => {
  await manager?.close();
  await lab?.close();
});

afterEach(async () => {
  await tidy(lab);
  await waitFor('a model without containers', () => manager.manager.cluster.containerCount === 0);
});

/** One call on a kept connection: the next one comes a millisecond later, which no CLI does. */
async function call(method: string, path: string, body?: object): Promise<{ status: number; text: string }> {
  const answer = await fetch(`${manager.endpoint.replace('tcp:', 'http:')}/v1.41${path}`, {
    method,
    ...(body ? { body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } } : {}),
  });
  return { status: answer.status, text: await answer.text() };
}

test.each(
  generations.flatMap((generation) =>
    (['wait', 'kill', 'stop?t=0', 'kill?signal=KILL'] as const).map((end) => ({ generation, end })),
  ),
)('on $generation a listing right after $end shows that the container has ended', async ({ generation, end }) => {
  const states: string[] = [];
  for (let i = 0; i < 5; i++) {
    const name = `ends-${generation}-${end.replace(/\W/g, '-')}-${i}`;
    const created = await call('POST', `/containers/create?name=${name}`, {
      Image: 'busybox',
      Cmd: ['sleep', end === 'wait' ? '0.1' : '1000'],
      Env: [`constraint:node==${nodeName(generation)}`],
    });
    expect(created.status, created.text).toBe(201);
    expect((await call('POST', `/containers/${name}/start`)).status).toBe(204);
    expect((await call('POST', `/containers/${name}/${end}`)).status).toBeLessThan(300);
    const filters = encodeURIComponent(JSON.stringify({ name: [`^/${name}$`] }));
    const { text } = await call('GET', `/containers/json?all=1&filters=${filters}`);
    states.push(...(JSON.parse(text) as { State: string }[]).map(({ State }) => State));
    await call('DELETE', `/containers/${name}?force=1`);
  }
  expect(states).toEqual(Array(5).fill('exited'));
});

test('links are names, on every generation, and rm --link removes one', async () => {
  for (const generation of generations) {
    const Env = [`constraint:node==${nodeName(generation)}`];
    const [web, api] = [`web-${generation}`, `api-${generation}`];
    const ids: string[] = [];
    for (const [name, Links] of [
      [web, []],
      [api, [`${web}:alias`]],
    ] as const) {
      const body = { Image: 'busybox', Cmd: ['sleep', '1000'], Env, HostConfig: { Links } };
      const { text } = await call('POST', `/containers/create?name=${name}`, body);
      ids.push((JSON.parse(text) as { Id: string }).Id);
      expect((await call('POST', `/containers/${name}/start`)).status).toBe(204);
    }
    const filters = encodeURIComponent(JSON.stringify({ id: [ids[0]] }));
    const [listed] = JSON.parse((await call('GET', `/containers/json?filters=${filters}`)).text);
    expect(listed.Names.slice(0, 2)).toEqual([`/${web}`, `/${api}/alias`]);
    expect(JSON.parse((await call('GET', `/containers/${api}/alias/json`)).text).Id).toBe(ids[0]);
    expect((await call('DELETE', `/containers/${api}/alias?link=1`)).status).toBe(204);
    expect((await call('GET', `/containers/${api}/alias/json`)).status).toBe(404);
    expect((await call('POST', `/containers/${web}/kill?signal=NOPE`)).text).not.toContain(ids[0]);
    for (const name of [api, web]) expect((await call('DELETE', `/containers/${name}?force=1`)).status).toBe(204);
  }
});

test('disk usage and prunes go over every node', async () => {
  const names = generations.map((generation) => `done-${generation}`);
  for (const [i, generation] of generations.entries()) {
    const Env = [`constraint:node==${nodeName(generation)}`];
    await call('POST', `/containers/create?name=${names[i]}`, { Image: 'busybox', Cmd: ['true'], Env });
  }
  const usage = JSON.parse((await call('GET', '/system/df')).text);
  const listed = usage.Containers.map(({ Names }: { Names: string[] }) => Names[0]?.slice(1));
  expect(listed).toEqual(expect.arrayContaining(names));
  expect(usage.Images.map(({ RepoTags }: { RepoTags: string[] }) => RepoTags[0])).toEqual(['busybox:latest']);
  const images = JSON.parse((await call('GET', '/images/json?all=1')).text).length;
  expect(JSON.parse((await call('GET', '/info')).text)).toMatchObject({ Driver: 'overlay2', Images: images });
  const pruned = JSON.parse((await call('POST', '/containers/prune')).text);
  expect(pruned.ContainersDeleted).toHaveLength(names.length);
  expect(JSON.parse((await call('GET', '/containers/json?all=1')).text)).toEqual([]);
});

test('a cluster that is a node of another one: what clients do goes through both managers', async () => {
  await using world = await siteOver(lab);
  const { above, site } = world;
  const id = await above.must(['run', '-d', '-i', '--name', 'box', '-p', '8080', 'busybox', 'cat']);
  expect(await site.must(['ps', '-q', '--no-trunc'])).toBe(id);
  const bee = (await site.must(['ps', '--format', '{{.Names}}'])).split('/')[0] ?? '';
  expect(await above.must(['ps', '--format', '{{.Names}}'])).toBe('hive/box');
  expect(await above.must(['inspect', '--format', '{{.Name}} {{json .Config.Labels}}', `hive/${bee}/box`])).toBe(
    '/box {}',
  );
  expect(await above.must(['port', 'box'])).toBe(await site.must(['port', 'box']));
  expect(await above.must(['exec', 'box', 'sh', '-c', 'echo out; echo err >&2'])).toBe('out');
  expect((await above.docker(['exec', 'box', 'sh', '-c', 'exit 7'])).exitCode).toBe(7);
  expect(await above.must(['exec', '-i', 'box', 'cat'], { input: 'typed' })).toBe('typed');
  expect(await above.must(['run', '-i', '--rm', 'busybox', 'wc', '-c'], { input: 'x'.repeat(1_000_000) })).toBe(
    '1000000',
  );
  expect(await above.must(['stats', '--no-stream', '--format', '{{.Name}}', 'box'])).toBe('box');
  await above.must(['cp', '/etc/hostname', 'box:/copied']);
  expect(await above.must(['exec', 'box', 'cat', '/copied'])).toBe((await readFile('/etc/hostname', 'utf8')).trim());
  const dockerfile = 'FROM busybox\nRUN echo built > /built\nCMD ["cat", "/built"]\n';
  await above.must(['build', '-t', 'site-made', '-'], { input: dockerfile, env: { DOCKER_BUILDKIT: '0' } });
  expect(await above.must(['run', '--name', 'made', 'site-made'])).toBe('built');
  expect(await above.must(['logs', 'made'])).toBe('built');
  const told = await above.must([
    'events',
    '--since',
    '10m',
    '--until',
    String(Math.ceil(Date.now() / 1_000) + 1),
    '--filter',
    'container=made',
    '--format',
    '{{.Action}}',
  ]);
  expect(told.split('\n')).toEqual(expect.arrayContaining(['create', 'start', 'die']));
  const refused = await above.docker(['network', 'create', 'net']);
  expect(refused.stderr).toContain('all of them are sites');
  for (const node of lab.nodes)
    expect((await node.docker(['info', '--format', '{{.Swarm.LocalNodeState}}'])).stdout.trim()).toBe('inactive');
  await above.must(['rm', '-f', 'box', 'made']);
  expect(await site.must(['ps', '-aq'])).toBe('');
  await above.must(['rmi', 'site-made']);
});
