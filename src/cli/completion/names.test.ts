import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fakeIo } from '../../../test/fakes/fake-io.ts';
import { run } from '../program.ts';

const ANSWERS: Readonly<Record<string, unknown>> = {
  '/info': {
    SystemStatus: [
      ['Role', 'primary'],
      [' bee-1', '10.0.0.1:2376'],
      ['  └ Status', 'Healthy'],
      [' bee-2', '10.0.0.2:2376'],
    ],
  },
  '/containers/json?all=1': [{ Names: ['/bee-1/shop-web-1'] }, { Names: ['/bee-2/shop-db-1'] }, { Names: [] }],
};

describe('enxame __complete', () => {
  let store: string;
  let manager: Server;
  let hung: Server;
  let env: Readonly<Record<string, string>>;

  beforeAll(async () => {
    store = mkdtempSync(join(tmpdir(), 'enxame-names-'));
    for (const name of ['queen', 'worker-10', 'worker-2'])
      mkdirSync(join(store, 'machines', name), { recursive: true });
    manager = createServer((request, response) => response.end(JSON.stringify(ANSWERS[request.url ?? ''] ?? {})));
    hung = createServer(() => undefined);
    for (const server of [manager, hung]) await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    env = { HOME: store, ENXAME_MACHINE_STORAGE_PATH: store, DOCKER_HOST: addressOf(manager) };
  });

  afterAll(() => {
    for (const server of [manager, hung]) {
      server.close();
      server.closeAllConnections();
    }
    rmSync(store, { recursive: true });
  });

  function addressOf(server: Server): string {
    return `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  async function offers(line: string): Promise<readonly string[]> {
    const io = fakeIo(env);
    expect(await run(['__complete', ...line.split(' ')], io)).toBe(0);
    expect(io.stderr()).toBe('');
    return io
      .stdout()
      .split('\n')
      .flatMap((each) => (each === '' ? [] : (each.split('\t')[0] ?? '')));
  }

  it.each([
    ['j --adv', ['--advertise']],
    ['m', ['manage', 'mesh', 'machine', 'move']],
    ['machine sto', ['stop']],
    ['machine stop ', ['queen', 'worker-2', 'worker-10']],
    ['machine env --swarm q', ['queen']],
    ['machine --storage-path /nowhere stop ', []],
    ['machine scp q', ['queen:', ':files']],
    ['machine create -d hetz', ['hetzner']],
    ['machine create -d hetzner --hetzner-api-t', ['--hetzner-api-token']],
    ['machine create -d nothing --hetzner-api', []],
    ['machine ls --filter st', ['state=']],
    ['machine ls --filter driver=qe', ['driver=qemu']],
    ['forget bee', ['bee-1', 'bee-2']],
    ['drill bee', ['bee-1', 'bee-2']],
    ['drill ', ['end', 'bee-1', 'bee-2']],
    ['drill end bee', ['bee-1', 'bee-2']],
    ['node update bee-2', ['bee-2']],
    ['node update --availability ', ['active', 'pause', 'drain']],
    ['fence ', ['strict', 'off']],
    ['explain --type ', ['container', 'node']],
    ['join --spot a', ['amazonec2', 'azure']],
    ['explain shop-', ['shop-web-1', 'shop-db-1']],
    ['explain be', ['bee-1', 'bee-2']],
    ['ps --filter na', ['name=']],
    ['ps --filter name=shop-', ['name=shop-web-1', 'name=shop-db-1']],
    ['ps -a --filter=node=bee-2', ['--filter=node=bee-2']],
    ['ps --filter health=un', ['health=unhealthy']],
    ['manage --state-dir ', [':folders']],
    ['nothing ', []],
  ])('"enxame %s" offers %j', async (line, offered) => {
    expect(await offers(line)).toEqual(offered);
  });

  it('offers nothing where no manager answers, one hangs, or something else does', async () => {
    expect(await offers('forget -H tcp://127.0.0.1:1 ')).toEqual([]);
    expect(await offers(`forget -H ${addressOf(hung)} `)).toEqual([]);
    expect(await offers('forget -H nonsense ')).toEqual([]);
  });
});
