import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { type Generation, type Lab, startLab } from '../../src/lab/lab.ts';
import { generations } from '../../src/namespaces/generations.ts';
import { waitFor } from '../../src/namespaces/processes.ts';
import { type LabManager, managerOver } from './manager-over-lab.ts';
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
