import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { SharedStore } from '../../src/kv/shared/shared-store.ts';
import { claim } from '../../src/replication/take-over-state.ts';
import { type EnxameProcess, enxame as enxameProcess } from '../engines/enxame-process.ts';
import { freePorts } from '../free-ports.ts';
import { Link } from './link.ts';
import { enxame } from './store-discovery-suite.ts';

/** A store with servers that run. */
export interface BadManagersKind {
  readonly scheme: string;
  ports(): readonly number[];
  open(hosts: string, prefix: string): Promise<SharedStore>;
}

/** A cluster that has a store's records already. */
const THEIRS = '0123456789abcdef';

/** What managers say that cannot be meant, or cannot have the store that they name: one line, and nothing is changed. */
export function testBadManagers({ scheme, ports, open }: BadManagersKind): void {
  describe(`a manager that is to share a store at ${scheme}://`, () => {
    let folder: string;
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'enxame-bad-managers-'));
    });
    afterAll(() => rm(folder, { recursive: true }));

    const hosts = (): string =>
      ports()
        .map((port) => `127.0.0.1:${port}`)
        .join(',');
    const manage = async (address: string, ...flags: readonly string[]) => {
      const [port] = await freePorts(1);
      const own = ['-H', `tcp://127.0.0.1:${port}`, '--replication', '--advertise', `127.0.0.1:${port}`];
      const state = ['--state-dir', join(folder, randomUUID()), '--log-level', 'error'];
      return await enxame(['manage', ...state, ...own, ...flags, `${scheme}://${address}`]);
    };
    const refused = (why: RegExp, code = 1) => ({
      code,
      out: '',
      err: expect.stringMatching(new RegExp(`^enxame: manage: (?=[^\n]*${why.source})[^\n]+\n$`)),
    });

    it('hears in one line that the store cannot be reached', async () => {
      const [port = 0] = await freePorts(1);
      expect(await manage(`127.0.0.1:${port}/x`)).toEqual(refused(/no \w+ answers at [^\n]*/));
      const silent = await Link.to(ports()[0] ?? 0);
      silent.set('silent');
      expect(await manage(`127.0.0.1:${silent.port}/x`)).toEqual(refused(/no \w+ answers at [^\n]*: no answer within/));
      await silent.close();
      const other = createServer((_request, response) => response.writeHead(404).end('<html>not here</html>'));
      await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
      const { port: otherPort } = other.address() as AddressInfo;
      expect(await manage(`127.0.0.1:${otherPort}/x`)).toEqual(
        refused(/what answers is no |etcd at [^\n]* answered: [^\n]*\(404\)/),
      );
      other.closeAllConnections();
      await new Promise((resolve) => other.close(resolve));
    });

    it('hears in one line that another manager has its address, and leaves that one alone', async () => {
      const prefix = randomUUID();
      const [port] = await freePorts(1);
      const address = `127.0.0.1:${port}`;
      const flags = [
        '--insecure',
        '--replication',
        '--advertise',
        address,
        '--replication-store',
        `${scheme}://${hosts()}/${prefix}`,
      ];
      const start = (listen: string): EnxameProcess => {
        const line = ['manage', '-H', `tcp://${listen}`, ...flags, '--state-dir', 'none', 'nodes://127.0.0.1:1'];
        const manager = enxameProcess(line);
        onTestFinished(async () => void (await manager.end('SIGKILL')));
        return manager;
      };
      const first = start(address);
      await first.until(/this manager is the primary/);
      const [other] = await freePorts(1);
      const second = start(`127.0.0.1:${other}`);
      expect(await second.ended()).toBe(1);
      expect(second.said()).toContain(
        `enxame: manage: another server answers at ${address}: --advertise is the address of this manager alone`,
      );
      await expect
        .poll(async () => await (await fetch(`http://${address}/info`)).text())
        .toContain('["Role","primary"]');
    });

    it('hears in one line whose the records are, and of which version', async () => {
      const prefix = randomUUID();
      const store = await open(hosts(), `${prefix}/enxame`);
      await claim(store, THEIRS);
      const before = await store.records('cluster').get('identity');
      expect(await manage(`${hosts()}/${prefix}`, '--cluster', 'fedcba9876543210')).toEqual(
        refused(/has the records of cluster 0123456789abcdef, not of fedcba9876543210/),
      );
      const newer = JSON.stringify({ format: 99, id: THEIRS, state: 'ready' });
      expect((await store.records('cluster').get('identity'))?.value).toBe(before?.value);
      await store.records('cluster').write([{ key: 'identity', value: newer }]);
      expect(await manage(`${hosts()}/${prefix}`)).toEqual(refused(/another version of enxame/));
      expect((await store.records('cluster').get('identity'))?.value).toBe(newer);
      await store.close();
    });
  });
}
