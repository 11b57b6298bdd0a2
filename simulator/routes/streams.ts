import type { Container } from '../container.ts';
import type { Exchange, ReplyStream } from '../exchange.ts';
import { withContainer } from './container-reads.ts';
import { multiplexed, pump, TAR_BLOCK, tarHeader } from './payload.ts';
import type { RouteContext, RouteTable } from './route.ts';

const MULTIPLEXED = 'application/vnd.docker.multiplexed-stream';
const STATS_INTERVAL_MS = 1000;

/** Logs, attach, archive, export and stats of a container. */
export const streamRoutes: RouteTable = {
  'GET containers/{}/logs': withContainer(({ exchange }, container) => {
    sendLogs(exchange, exchange.stream(MULTIPLEXED), container);
  }),
  'POST containers/{}/attach': withContainer(attach),
  'GET containers/{}/archive': withContainer(archive),
  'HEAD containers/{}/archive': withContainer(({ exchange }, container) => {
    exchange.send(200, '', 'application/x-tar', statField(container));
  }),
  'PUT containers/{}/archive': withContainer(({ exchange }) => {
    exchange.body = { data: () => undefined, end: () => exchange.send(200, '', 'text/plain') };
  }),
  'GET containers/{}/export': withContainer(archive),
  'GET containers/{}/stats': withContainer(stats),
};

function sendLogs(exchange: Exchange, reply: ReplyStream, container: Container): void {
  if (container.streamBytes > 0) {
    pump(exchange, reply, container.streamBytes, () => reply.end());
    return;
  }
  reply.write(multiplexed(1, `log of ${container.name}\n`));
  reply.end();
}

/** Output of `streamBytes`, then the end; without, what the client sends comes back until it half-closes. */
function attach({ exchange }: RouteContext, container: Container): void {
  const echo = container.streamBytes === 0;
  const reply: ReplyStream = exchange.hijack(
    (chunk) => void (echo && reply.write(multiplexed(1, chunk))),
    () => echo && reply.end(),
  );
  if (!echo) pump(exchange, reply, container.streamBytes, () => reply.end());
}

/** A tar of one file `data` of `streamBytes`. */
function archive({ exchange }: RouteContext, container: Container): void {
  const reply = exchange.stream('application/x-tar', statField(container));
  const size = container.streamBytes;
  reply.write(tarHeader('data', size));
  const padding = (TAR_BLOCK - (size % TAR_BLOCK)) % TAR_BLOCK;
  pump(exchange, reply, size, () => {
    reply.write(Buffer.alloc(padding + 2 * TAR_BLOCK));
    reply.end();
  });
}

function statField(container: Container): string {
  const stat = { name: 'data', size: container.streamBytes, mode: 420, mtime: '2026-01-01T00:00:00Z', linkTarget: '' };
  return `X-Docker-Container-Path-Stat: ${Buffer.from(JSON.stringify(stat)).toString('base64')}\r\n`;
}

function stats({ state, exchange }: RouteContext, container: Container): void {
  const sample = (): string =>
    `${JSON.stringify({
      id: container.id,
      name: `/${container.name}`,
      read: new Date(state.now()).toISOString(),
      preread: '0001-01-01T00:00:00Z',
      pids_stats: { current: 5, limit: 18446744073709552000 },
      num_procs: 0,
      cpu_stats: { cpu_usage: { total_usage: 1e8 }, system_cpu_usage: 1e12, online_cpus: 8 },
      precpu_stats: { cpu_usage: { total_usage: 0 } },
      memory_stats: { usage: 10_000_000, limit: 134_217_728, stats: {} },
      networks: { eth0: { rx_bytes: 1000, tx_bytes: 1000 } },
    })}\n`;
  if (exchange.query.get('stream') === 'false' || exchange.query.get('stream') === '0') {
    exchange.json(200, sample());
    return;
  }
  const reply = exchange.stream('application/json');
  reply.write(sample());
  const timer = setInterval(() => reply.write(sample()), STATS_INTERVAL_MS).unref();
  exchange.onClose(() => clearInterval(timer));
}
