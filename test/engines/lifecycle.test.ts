import { afterAll, beforeAll, expect, test } from 'vitest';
import { generations } from '../../src/lab/generations.ts';
import { type Generation, type Lab, startLab } from '../../src/lab/lab.ts';
import { type LabManager, managerOver } from './manager-over-lab.ts';

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
