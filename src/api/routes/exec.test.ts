import type { IncomingMessage, ServerResponse } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { ApiFixture, idOf } from '../../../test/fakes/api-fixture.ts';
import { ScriptedEngine } from '../../../test/fakes/scripted-engine.ts';
import { ExecRegistry } from '../exec-registry.ts';

const open: AsyncDisposable[] = [];

afterEach(async () => {
  for (const each of open.splice(0)) await each[Symbol.asyncDispose]();
});

const execId = idOf('e');
const engineId = idOf('a');

/** Two engines; the exec lives on the second. */
async function serve(
  onUnknown: (res: ServerResponse) => void = notFound,
): Promise<{ api: ApiFixture; asked: string[] }> {
  const asked: string[] = [];
  const start = (name: string, knows: boolean): Promise<ScriptedEngine> =>
    ScriptedEngine.start({
      onRequest: (req: IncomingMessage, res: ServerResponse) => {
        asked.push(`${name} ${req.method} ${req.url}`);
        req.resume();
        if (!knows) onUnknown(res);
        else if (req.method === 'POST') res.writeHead(201).end(`{"Id":"${execId}"}`);
        else res.end(`{"ID":"${execId}","Pid":9007199254740993,"ContainerID":"${engineId}"}`);
      },
    });
  const engines = [await start('first', false), await start('second', true)];
  const identities = { [engineId]: idOf('c') };
  const api = await ApiFixture.start({ connectors: engines.map((engine) => engine.connector), identities });
  open.push(api, ...engines);
  return { api, asked };
}

function notFound(res: ServerResponse): void {
  res.writeHead(404).end('{"message":"No such exec instance"}');
}

describe('exec', () => {
  it('is found again on the node where it was created', async () => {
    const { api, asked } = await serve();
    const created = await fetch(`${api.url}/v1.40/containers/elsewhere/${engineId}/exec`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: '{"Cmd":["sh"]}',
    });
    expect([created.status, await created.json()]).toEqual([201, { Id: execId }]);
    await fetch(`${api.url}/exec/${execId}/resize?h=10&w=20`, { method: 'POST' });
    expect(asked).toEqual([
      `second POST /v1.40/containers/${engineId}/exec`,
      `second POST /v1.40/exec/${execId}/resize?h=10&w=20`,
    ]);
  });

  it('is looked for on all nodes when nobody remembers it, once', async () => {
    const { api, asked } = await serve();
    const inspect = async (): Promise<number> => (await fetch(`${api.url}/exec/${execId}/json`)).status;
    expect([await inspect(), await inspect()]).toEqual([200, 200]);
    expect(asked.filter((line) => line.startsWith('first'))).toHaveLength(1);
    expect(asked.filter((line) => line.startsWith('second'))).toHaveLength(3);
  });

  it('is found although another node does not answer', async () => {
    const { api } = await serve(() => undefined);
    expect((await fetch(`${api.url}/exec/${execId}/json`)).status).toBe(200);
  });

  it.each([idOf('f'), 'nonsense', '..%2F..%2Finfo'])('%s does not exist', async (id) => {
    const { api } = await serve();
    for (const node of api.nodes) node.isHealthy = false;
    const answer = await fetch(`${api.url}/exec/${id}/json`);
    expect([answer.status, await answer.json()]).toEqual([
      404,
      { message: `No such exec instance: ${decodeURIComponent(id)}` },
    ]);
  });

  it('says which node cannot be asked', async () => {
    const { api } = await serve();
    api.execs.remember(execId, 'node-id-1');
    for (const node of api.nodes) node.isHealthy = false;
    const answer = await fetch(`${api.url}/exec/${execId}/json`);
    expect([answer.status, await answer.json()]).toEqual([
      503,
      {
        message:
          'exec eeeeeeeeeeee is on node node-1, which is unhealthy: no answer for 10s. Try again when the node is back.',
      },
    ]);
  });
});

describe('ExecRegistry', () => {
  it('forgets the oldest first', () => {
    const execs = new ExecRegistry(2);
    execs.remember('a', 'n1');
    execs.remember('b', 'n1');
    execs.remember('a', 'n2');
    execs.remember('c', 'n1');
    expect(['a', 'b', 'c'].map((id) => execs.nodeOf(id))).toEqual(['n2', undefined, 'n1']);
  });
});
