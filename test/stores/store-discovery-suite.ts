import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { run } from '../../src/cli/program.ts';
import { systemClock } from '../../src/common/clock.ts';
import type { DiscoveryBackend } from '../../src/discovery/backend.ts';
import { openDiscovery } from '../../src/discovery/discovery.ts';
import { type Entry, parseEntry } from '../../src/discovery/entry.ts';
import { testDiscoveryBackend } from '../conformance/discovery-backend.ts';
import { fakeIo } from '../fakes/fake-io.ts';
import { freePorts } from '../free-ports.ts';
import { Link } from './link.ts';

export interface StoreDiscoveryKind {
  readonly scheme: string;
  ports(): readonly number[];
  /** Makes these the keys of the original swarm's folder `<path>/`, with themselves as values, as an agent of its writes them. */
  set(path: string, entries: readonly string[]): Promise<void>;
  /** Shortest time to live of an entry, in milliseconds, and the longest it may take to end. */
  readonly ttlMs: number;
  readonly endsWithinMs: number;
}

/** Long enough for a look at an entry on a busy machine. */
const LONG_MS = 60_000;

export interface CommandResult {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** `enxame ARGS` in this process. */
export async function enxame(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<CommandResult> {
  const io = fakeIo(env);
  const code = await run(args, io);
  return { code, out: io.stdout(), err: io.stderr() };
}

/** A manager that is to share a store, in this process; it ends by itself when the store does not let it in. */
export async function manageReplicated(uri: string, ...flags: readonly string[]): Promise<CommandResult> {
  const [port] = await freePorts(1);
  const own = ['-H', `tcp://127.0.0.1:${port}`, '--replication', '--advertise', `127.0.0.1:${port}`];
  return await enxame(['manage', '--state-dir', 'none', '--log-level', 'error', ...own, ...flags, uri]);
}

/** What holds of the discovery backend of every store, on real servers. */
export function testStoreDiscovery(kind: StoreDiscoveryKind): void {
  const { scheme } = kind;
  const uri = (prefix: string, ports = kind.ports()): string =>
    `${scheme}://${ports.map((port) => `127.0.0.1:${port}`).join(',')}/${prefix}`;
  const open = (prefix: string, heartbeatMs: number, ports = kind.ports()): Promise<DiscoveryBackend> =>
    openDiscovery(uri(prefix, ports), { heartbeatMs, clock: systemClock, options: new Map(), env: {} });

  testDiscoveryBackend(scheme, async () => {
    const prefix = randomUUID();
    const links = await Promise.all(kind.ports().map((port) => Link.to(port)));
    const set = async (state: 'cut' | 'whole'): Promise<void> => {
      for (const link of links) link.set(state);
    };
    return {
      backend: await open(
        prefix,
        20,
        links.map(({ port }) => port),
      ),
      set: (entries) => kind.set(`${prefix}/docker/swarm/nodes`, entries),
      breakIt: () => set('cut'),
      mend: () => set('whole'),
      close: async () => {
        for (const link of links) await link.close();
      },
    };
  });

  describe(`${scheme}:// discovery`, () => {
    const never = new AbortController().signal;

    it('finds what an agent of the original swarm registered', async () => {
      const prefix = randomUUID();
      await kind.set(`${prefix}/docker/swarm/nodes`, ['10.0.0.1:2375', 'nonsense', '10.0.0.2:2375']);
      const { code, out, err } = await enxame(['list', uri(prefix)]);
      expect({ code, out }).toEqual({ code: 0, out: '10.0.0.1:2375\n10.0.0.2:2375\n' });
      expect(err).toMatch(/^enxame: list: left out "nonsense": bad entry [^\n]+\n$/);
      const other = randomUUID();
      await kind.set(`${other}/my/nodes`, ['10.0.0.3:2375']);
      const own = await enxame(['list', uri(other), '--discovery-opt', 'kv.path=my/nodes']);
      expect(own).toEqual({ code: 0, out: '10.0.0.3:2375\n', err: '' });
      expect(await enxame(['list', uri(other)])).toEqual({ code: 0, out: '', err: '' });
    });

    it('sees changes when they come, long before the heartbeat', async () => {
      const prefix = randomUUID();
      const [backend, agent] = [await open(prefix, 3_600_000), await open(prefix, 3_600_000)];
      const events = backend.watch(never)[Symbol.asyncIterator]();
      // A store that is busy with itself is told as an error.
      const next = async (): Promise<unknown> => {
        for (;;) {
          const { done, value } = await events.next();
          if (done) throw new Error('the watch ended');
          if (value.entries) return value.entries.map((each: Entry) => each.canonical);
        }
      };
      expect(await next()).toEqual([]);
      const entry = parseEntry('10.0.0.1:2376');
      await agent.register?.(entry, 60_000, never);
      expect(await next()).toEqual(['10.0.0.1:2376']);
      await agent.register?.(parseEntry('tls://10.0.0.2:2376'), 60_000, never);
      expect(await next()).toEqual(['10.0.0.1:2376', 'tls://10.0.0.2:2376']);
      await backend.deregister?.(entry, never);
      expect(await next()).toEqual(['tls://10.0.0.2:2376']);
      // Somebody removed it, and its agent is still there.
      await agent.register?.(entry, 60_000, never);
      expect(await next()).toEqual(['10.0.0.1:2376', 'tls://10.0.0.2:2376']);
      await Promise.all([backend.close(), agent.close()]);
    });

    it('keeps an entry over a restart of its agent, and no longer than its time to live', async () => {
      const prefix = randomUUID();
      const entry = parseEntry('10.0.0.1:2376');
      const watcher = await open(prefix, 1_000);
      const names = async (): Promise<unknown> => (await watcher.entries(never)).map((each) => each.canonical);
      const first = await open(prefix, 1_000);
      await first.register?.(entry, LONG_MS, never);
      await first.close();
      expect(await names()).toEqual(['10.0.0.1:2376']);
      const second = await open(prefix, 1_000);
      await second.register?.(entry, kind.ttlMs, never);
      await second.close();
      await expect.poll(names, { timeout: LONG_MS + kind.endsWithinMs + 120_000 }).toEqual([]);
      await watcher.close();
    });

    it('says in one line that nobody answers, and that the address is wrong', async () => {
      const [port] = await freePorts(1);
      const dead = await enxame(['list', `${scheme}://127.0.0.1:${port}/x`]);
      expect(dead).toMatchObject({ code: 1, out: '' });
      expect(dead.err).toMatch(new RegExp(`^enxame: list: no \\w+ answers at [^\\n]*127.0.0.1:${port}[^\\n]*\\n$`));
      for (const [address, why] of [
        ['', 'a server’s name is missing'],
        ['a,,b/x', 'a server’s name is missing'],
        ['a:99999', '"99999" is not a port'],
        ['a b', '"a b" is not a server'],
        ['root:secret@a/x', 'user and password are no part of the address'],
        ['a/x/../y', 'is not a path of keys'],
      ]) {
        const { code, out, err } = await enxame(['list', `${scheme}://${address}`]);
        expect({ code, out }).toEqual({ code: 2, out: '' });
        expect(err).toMatch(/^enxame: list: bad address of a store: [^\n]+\n$/);
        expect(err).toContain(why);
        expect(err).not.toContain('secret');
      }
      for (const [option, why] of [
        ['kv.pathh=x', `unknown discovery option "kv.pathh". ${scheme}:// knows kv.path`],
        ['kv.username=root', 'kv.username and kv.password ($ENXAME_KV_PASSWORD) go together'],
        ['kv.cacertfile=/nowhere/ca.pem', 'cannot read kv.cacertfile /nowhere/ca.pem: there is no such file'],
        ['kv.certfile=/x', 'kv.certfile and kv.keyfile go together'],
      ]) {
        const { code, err } = await enxame(['list', `${scheme}://a/x`, '--discovery-opt', option ?? '']);
        expect({ code, err }).toEqual({ code: 2, err: expect.stringContaining(why ?? '') });
      }
    });
  });
}
