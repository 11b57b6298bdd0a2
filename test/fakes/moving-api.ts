import net from 'node:net';
import type { Exchange, ReplyStream } from '../../simulator/exchange.ts';
import { multiplexed } from '../../simulator/routes/payload.ts';
import type { Services } from '../../src/api/call.ts';
import { EventHub } from '../../src/api/events/event-hub.ts';
import { ExecRegistry } from '../../src/api/exec-registry.ts';
import { HANDLERS } from '../../src/api/handlers.ts';
import { NO_REFRESH } from '../../src/api/refresh-filters.ts';
import { type ApiServer, startApiServer } from '../../src/api/server.ts';
import { Sequels } from '../../src/api/streams/sequels.ts';
import { ContainerListView } from '../../src/api/views/container-list.ts';
import { IDENTITY_LABEL } from '../../src/cluster/listed-container.ts';
import { systemClock } from '../../src/common/clock.ts';
import { parseListenAddress } from '../../src/common/listen-address.ts';
import { silentLogger } from '../../src/common/logger.ts';
import { Attempts } from '../../src/desired/attempts.ts';
import type { DesiredState } from '../../src/desired/desired-state.ts';
import { switched } from '../../src/desired/move-edits.ts';
import type { ContainerRecord } from '../../src/desired/record.ts';
import { showAsRecorded } from '../../src/desired/recorded-identities.ts';
import { FakeCluster } from './fake-cluster.ts';
import { memoryDesired } from './memory-records.ts';
import { waitUntil } from './wait.ts';

/** A stream that an engine was asked for, at the test's hand. */
export interface OpenStream {
  readonly exchange: Exchange;
  readonly reply: ReplyStream;
  /** What the manager sent behind a request that became a raw stream. */
  readonly input: () => string;
}

const KEY = 'a'.repeat(32);
const IDS: readonly [string, string] = ['a'.repeat(64), 'b'.repeat(64)];
const SEED = { name: 'web', labels: { app: 'web' }, image: 'redis' };
const RAW = 'application/vnd.docker.multiplexed-stream';

/**
 * The API over two fake engines: the first one has the container `web`, and the second one a copy that is to take its place, or will have
 * it. Tests answer logs, attach, stats and waits by hand. Close it, or use `await using`.
 */
export class MovingApi implements AsyncDisposable {
  readonly fake: FakeCluster;
  readonly desired: DesiredState;
  readonly url: string;
  /** The container's IDs at the first engine, which clients see, and at the second one. */
  readonly ids: readonly [string, string];
  readonly #server: ApiServer;
  readonly #events: EventHub;
  readonly #streams: readonly OpenStream[][];

  private constructor(fake: FakeCluster, desired: DesiredState, server: ApiServer, events: EventHub) {
    this.fake = fake;
    this.desired = desired;
    this.#server = server;
    this.#events = events;
    const [address] = server.addresses;
    this.url = `http://127.0.0.1:${address?.kind === 'tcp' ? address.port : 0}`;
    this.ids = IDS;
    this.#streams = fake.engines.map((engine) => answeredByHand(engine));
  }

  /** With `isMoving` the copy that is to take the container's place is made already. */
  static async start(
    { isMoving, ...more }: Partial<ContainerRecord> & { readonly isMoving: boolean } = { isMoving: true },
  ): Promise<MovingApi> {
    const fake = await FakeCluster.start([{ containers: [{ ...SEED, id: IDS[0] }] }, {}]);
    const desired = await memoryDesired();
    const { cluster } = fake;
    showAsRecorded(cluster, desired, new Attempts('test'));
    const record: ContainerRecord = {
      format: 1,
      key: KEY,
      id: IDS[0],
      name: 'web',
      current: { nodeId: fake.at(0).node.id, engineId: IDS[0], attempt: KEY, generation: 0 },
      wanted: 'running',
      terms: { restart: 'always', priority: 0 },
      ...more,
    };
    await desired.add(record, { format: 1, source: { text: '{}', api: '1.44', largestNodeCpus: 2 }, amendments: [] });
    const events = new EventHub(cluster, systemClock);
    const services = {
      cluster,
      containerList: new ContainerListView(cluster.containerList),
      lifecycle: {
        use: async (container: unknown) => container,
        settled: async (container: unknown) => container,
        recorder: { recordOf: ({ engineId }: { engineId: string }) => desired.index.byEngineId(engineId)?.record },
      },
      sequels: new Sequels({ cluster, desired, clock: systemClock }, 'auto'),
      execs: new ExecRegistry(),
      events,
      logger: silentLogger(),
      clock: systemClock,
      refresh: NO_REFRESH,
      advertisedApi: () => '1.51',
    } as unknown as Services;
    const server = await startApiServer({
      listeners: [parseListenAddress('tcp://127.0.0.1:0')],
      tls: undefined,
      services,
      handlers: HANDLERS,
      logger: silentLogger(),
      version: '0.0.0-test',
    });
    const api = new MovingApi(fake, desired, server, events);
    if (isMoving) await api.make();
    return api;
  }

  /** Makes the copy that is to take the container's place. */
  async make(): Promise<void> {
    const { engine, node } = this.fake.at(1);
    const to = { nodeId: node.id, engineId: IDS[1], attempt: 'b'.repeat(32), generation: 1 };
    await this.change((record) => ({ ...record, move: { to, how: 'start-first', why: 'a test', sinceMs: 0 } }));
    engine.run({ ...SEED, id: IDS[1], labels: { ...SEED.labels, [IDENTITY_LABEL]: IDS[0] } });
    await node.refreshContainers([IDS[1]]);
  }

  /** The newest stream of the i-th engine, once there are `count` of them. */
  async stream(index: number, count: number = 1): Promise<OpenStream> {
    const streams = this.#streams[index] ?? [];
    await waitUntil(() => streams.length >= count);
    return streams[count - 1] as OpenStream;
  }

  /** The engine refuses the next streams, `count` of them. */
  refuse(index: number, count: number): void {
    let left = count;
    const refuse = (exchange: Exchange): boolean => {
      if (left === 0 || !isStream(exchange)) return false;
      left -= 1;
      exchange.error(500, 'a test');
      return true;
    };
    const { engine } = this.fake.at(index);
    engine.on('GET /containers/*', refuse);
    engine.on('POST /containers/*', refuse);
  }

  /** How many streams an engine was asked for. */
  asked(index: number): number {
    return this.#streams[index]?.length ?? 0;
  }

  change(edit: (record: ContainerRecord) => ContainerRecord | undefined): Promise<unknown> {
    return this.desired.change(KEY, edit);
  }

  /** The copy becomes the container. */
  async move(): Promise<void> {
    await this.change((record) => (record.move ? switched(record, record.move.to) : record));
  }

  /** The engine's host is gone. */
  async lose(index: number): Promise<void> {
    const { engine, node } = this.fake.at(index);
    await engine.apply({ kind: 'refuse' });
    await waitUntil(() => !node.isHealthy);
  }

  /** What a client reads of an answer, as it comes. */
  async read(path: string, init: RequestInit = {}): Promise<Reading> {
    const leave = new AbortController();
    const response = await fetch(this.url + path, { ...init, signal: leave.signal });
    return reading(response, leave);
  }

  /** A raw connection that asked to be attached; what it gets is in `text`. */
  async attach(
    query: string,
  ): Promise<{ readonly socket: net.Socket; readonly text: () => string; readonly ended: () => boolean }> {
    const socket = net.connect({ host: '127.0.0.1', port: Number(new URL(this.url).port), allowHalfOpen: true });
    const state = { text: '', ended: false };
    socket.on('data', (chunk) => {
      state.text += chunk.toString('latin1');
    });
    socket.once('end', () => {
      state.ended = true;
    });
    socket.on('error', () => undefined);
    socket.write(
      `POST /v1.44/containers/web/attach?${query} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n`,
    );
    await waitUntil(() => state.text.includes('\r\n\r\n'));
    return { socket, text: () => state.text, ended: () => state.ended };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.close({ graceMs: 200 });
    this.#events.close();
    await this.fake.close();
  }
}

/** An answer that a client reads. */
export interface Reading {
  readonly status: number;
  readonly text: () => string;
  readonly hasEnded: () => boolean;
  readonly hasFailed: () => boolean;
  readonly leave: () => void;
}

function reading(response: Response, leave: AbortController): Reading {
  const state = { text: '', ended: false, failed: false };
  const read = async (): Promise<void> => {
    for await (const chunk of response.body ?? []) state.text += Buffer.from(chunk).toString('latin1');
    state.ended = true;
  };
  read().catch(() => {
    state.failed = true;
  });
  return {
    status: response.status,
    text: () => state.text,
    hasEnded: () => state.ended,
    hasFailed: () => state.failed,
    leave: () => leave.abort(),
  };
}

function isStream({ path }: Exchange): boolean {
  return /\/(attach|logs|stats|wait)$/.test(path);
}

function answeredByHand(engine: FakeCluster['engines'][number]): OpenStream[] {
  const streams: OpenStream[] = [];
  const take = (exchange: Exchange): boolean => {
    const operation = exchange.path.split('/').at(-1) ?? '';
    let input = '';
    if (operation === 'attach') {
      const reply = exchange.hijack(
        (chunk) => {
          input += chunk.toString();
        },
        () => undefined,
      );
      streams.push({ exchange, reply, input: () => input });
    } else if (['logs', 'stats', 'wait'].includes(operation))
      streams.push({
        exchange,
        reply: exchange.stream(operation === 'logs' ? RAW : 'application/json'),
        input: () => input,
      });
    else return false;
    return true;
  };
  engine.on('GET /containers/*', take);
  engine.on('POST /containers/*', take);
  return streams;
}

/** A log message as an engine sends it when it is asked for times. */
export function logMessage(second: number, text: string): Buffer {
  return multiplexed(1, `2026-01-01T00:00:${String(second).padStart(2, '0')}.000000001Z ${text}\n`);
}
