import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FakeManager } from '../../test/fakes/fake-manager.ts';
import { PageBrowser, type PageEvent } from '../../test/fakes/page-browser.ts';
import { eventually } from '../../test/fakes/wait.ts';
import { FrameLog } from './frame-log.ts';
import type { ModelStream } from './model-stream.ts';
import type { ContainerRow, Delta, EventRow, NodeRow } from './protocol.ts';
import { Viewer } from './viewer.ts';
import { MAX_VIEWERS } from './viewers.ts';

let swarm: FakeManager;

beforeAll(async () => {
  swarm = await FakeManager.start([{ images: ['redis:latest'] }, { images: ['redis:latest'] }], { page: {} });
});

afterAll(() => swarm.close());

/** What a page knows: the state that its events made. */
class Seen {
  readonly nodes = new Map<number, NodeRow>();
  readonly containers = new Map<string, ContainerRow>();
  readonly events: PageEvent[] = [];
  lastId: string | undefined;

  take(event: PageEvent): void {
    const { name, data, id } = event;
    this.events.push(event);
    this.lastId = id ?? this.lastId;
    if (name === 'hello' && !data.resumed) {
      this.nodes.clear();
      this.containers.clear();
    }
    const delta: Partial<Delta> = name === 'delta' ? data : { [name]: data };
    for (const n of delta.goneNodes ?? []) this.nodes.delete(n);
    for (const gone of delta.gone ?? []) this.containers.delete(gone);
    for (const row of delta.nodes ?? []) this.nodes.set(row.n, row);
    for (const row of delta.containers ?? []) this.containers.set(row.id, row);
  }
}

/** Reads the stream until `isEnough`, and then leaves. */
async function watch(
  browser: PageBrowser,
  isEnough: (seen: Seen) => boolean,
  {
    lastEventId,
    onReady,
  }: { readonly lastEventId?: string | undefined; readonly onReady?: () => Promise<unknown> } = {},
): Promise<Seen> {
  const seen = new Seen();
  const leave = new AbortController();
  for await (const event of browser.stream(lastEventId, leave.signal)) {
    seen.take(event);
    if (event.name === 'ready') await onReady?.();
    if (isEnough(seen)) break;
  }
  leave.abort();
  return seen;
}

const isReady = ({ events }: Seen): boolean => events.at(-1)?.name === 'ready';

describe('the stream', () => {
  test('begins with the whole state, and goes on with what changes', async () => {
    const browser = await PageBrowser.at(swarm);
    const id = await swarm.create('web', {
      HostConfig: { Memory: 64 * 2 ** 20, NanoCpus: 5e8 },
      Labels: { 'com.docker.compose.project': 'shop', 'com.docker.compose.service': 'web' },
    });
    const seen = await watch(browser, ({ containers }) => containers.get(id)?.state === 'running', {
      onReady: () => swarm.call('POST', `/containers/${id}/start`),
    });
    const names = seen.events.map(({ name }) => name);
    // Nodes that changed meanwhile are told once more.
    expect([...new Set(names)].slice(0, 4)).toEqual(['hello', 'nodes', 'containers', 'ready']);
    expect(seen.events[0]?.data).toMatchObject({ protocol: 1, resumed: false, why: 'first', nodes: 2, containers: 1 });
    expect([...seen.nodes.values()].map(({ name, state }) => [name, state])).toEqual([
      ['node-1', 'Healthy'],
      ['node-2', 'Healthy'],
    ]);
    const row = seen.containers.get(id);
    expect(row).toMatchObject({
      name: 'web',
      image: 'redis',
      project: 'shop',
      service: 'web',
      cpus: 0.5,
      memory: 2 ** 26,
    });
    await eventually(async () => {
      const { nodes } = await watch(browser, isReady);
      expect(nodes.get(row?.n ?? 0)).toMatchObject({ running: 1, reservedCpus: 0.5, reservedMemory: 2 ** 26 });
    });
  });

  test('goes on where a viewer was', async () => {
    const browser = await PageBrowser.at(swarm);
    const first = await watch(browser, isReady);
    const id = await swarm.create('while-away');
    const second = await watch(browser, ({ containers }) => containers.has(id), { lastEventId: first.lastId });
    expect(second.events[0]).toMatchObject({ name: 'hello', data: { resumed: true } });
    expect(second.events.some(({ name }) => name === 'containers')).toBe(false);
    await swarm.call('DELETE', `/containers/${id}`);
    const third = await watch(browser, ({ events }) => events.some(({ data }) => data.gone?.includes(id)), {
      lastEventId: second.lastId,
    });
    expect(third.containers.has(id)).toBe(false);
  });

  test.each(['nonsense', '0-1', 'deadbeef-99999999999'])('gives everything for the unknown place %s', async (wrong) => {
    const seen = await watch(await PageBrowser.at(swarm), isReady, { lastEventId: wrong });
    expect(seen.events[0]).toMatchObject({ name: 'hello', data: { resumed: false, why: 'lost' } });
  });

  test('tells a node that is lost, its events, and that it is back', async () => {
    const browser = await PageBrowser.at(swarm);
    const isState = ({ nodes }: Seen, wanted: string): boolean =>
      [...nodes.values()].some(({ name, state }) => name === 'node-2' && state === wanted);
    const lost = await watch(browser, (seen) => isState(seen, 'Unhealthy') && seen.containers.size > 0, {
      onReady: () => swarm.engine(1).apply({ kind: 'refuse' }),
    });
    await swarm.engine(1).apply({ kind: 'none' });
    const back = await watch(browser, (seen) => isState(seen, 'Healthy'), { lastEventId: lost.lastId });
    expect(back.events[0]?.data.resumed).toBe(true);
    const told = (await watch(browser, isReady)).events.at(-1)?.data.events as readonly EventRow[];
    const ofNode = told.filter(({ type }) => type === 'node').map(({ action, name }) => `${name} ${action}`);
    expect(ofNode.slice(-2)).toEqual(['node-2 engine_disconnect', 'node-2 engine_connect']);
  });
});

describe('bounds', () => {
  test('a viewer more than there may be is told so', async () => {
    const browser = await PageBrowser.at(swarm);
    const leave = new AbortController();
    const viewers = Array.from({ length: MAX_VIEWERS }, () => browser.stream(undefined, leave.signal));
    for (const viewer of viewers) expect((await viewer.next()).value).toMatchObject({ name: 'hello' });
    const { value: more } = await browser.stream().next();
    expect(more).toMatchObject({ name: 'bye', data: { why: 'full', retryMs: 30_000 } });
    leave.abort();
    await Promise.allSettled(viewers.map((viewer) => viewer.return()));
  });

  test('the streams of a session end with it', async () => {
    const browser = await PageBrowser.at(swarm);
    const seen = await watch(browser, ({ events }) => events.at(-1)?.name === 'bye', {
      onReady: () => browser.call('POST', 'logout'),
    });
    expect(seen.events.at(-1)?.data).toMatchObject({ why: 'session', retryMs: null });
  });

  test('a viewer that does not read keeps one frame waiting, and gets the whole state when it reads again', async () => {
    const log = new FrameLog(1_000);
    const stream = {
      log,
      follow: (listener: () => void) => {
        tell = listener;
        return () => undefined;
      },
      resumable: () => undefined,
      hello: (_actions: boolean, why: string | undefined) => Buffer.from(`hello ${why};`),
      sketch: () => Buffer.from('nodes;'),
      snapshot: async () => ({ revision: log.revision, buffers: [Buffer.from(`state ${log.revision};`)] }),
    };
    let tell = (): void => undefined;
    const res = new SlowAnswer();
    const deps = {
      stream: stream as unknown as ModelStream,
      inTurn: (work: () => Promise<void>) => work(),
      actions: true,
    };
    const viewer = new Viewer(res as unknown as ServerResponse, undefined, deps);
    await eventually(() => expect(res.taken).toBe('hello first;nodes;state 0;'));
    res.isSlow = true;
    for (let each = 1; each <= 100; each += 1) {
      log.add((revision) => Buffer.from(`${revision};`.padStart(100, ' ')));
      tell();
    }
    expect(res.waiting).toBeLessThanOrEqual(100);
    res.isSlow = false;
    res.emit('drain');
    await eventually(() => expect(res.taken).toContain('hello slow;nodes;state 100;'));
    log.add((revision) => Buffer.from(`${revision};`));
    tell();
    expect(res.taken.endsWith('state 100;101;')).toBe(true);
    res.isSlow = true;
    log.add(() => Buffer.from('more;'));
    tell();
    for (let beat = 0; beat < 3; beat += 1) viewer.beat();
    expect(res.isDestroyed).toBe(true);
  });
});

/** An answer whose client reads, or does not. */
class SlowAnswer extends EventEmitter {
  isSlow = false;
  isDestroyed = false;
  waiting = 0;
  taken = '';

  write(bytes: Buffer): boolean {
    this.taken += bytes.toString();
    if (this.isSlow) this.waiting += bytes.length;
    return !this.isSlow;
  }

  end(): void {
    this.emit('close');
  }

  destroy(): void {
    this.isDestroyed = true;
    this.emit('close');
  }
}
