/** What a container used at one moment, as its engine counted it. */
export interface Counted {
  /** When the engine read it, by its own clock, in milliseconds since the epoch. */
  readonly readMs: number;
  /** CPU time used since its start, in nanoseconds. */
  readonly cpuNs: number;
  /** Memory in use without the cache that can be given back, in bytes: what `docker stats` shows. */
  readonly memory: number;
  /** What it may use of memory, in bytes; the host's without a limit of its own. */
  readonly memoryLimit: number;
  /** Bytes since its start. */
  readonly received: number;
  readonly sent: number;
  readonly read: number;
  readonly written: number;
}

/** What a container or a node uses: CPUs, bytes of memory, and bytes a second. */
export interface Usage {
  readonly cpus: number;
  readonly memory: number;
  readonly received: number;
  readonly sent: number;
  readonly read: number;
  readonly written: number;
}

/** Names of what is measured, in the order of points. */
export const MEASURES: readonly (keyof Usage)[] = ['cpus', 'memory', 'received', 'sent', 'read', 'written'];

export const NO_USAGE: Usage = { cpus: 0, memory: 0, received: 0, sent: 0, read: 0, written: 0 };

/** The sum of two, or the difference with `sign` -1. */
export function added(a: Usage, b: Usage, sign: 1 | -1 = 1): Usage {
  return {
    cpus: a.cpus + sign * b.cpus,
    memory: a.memory + sign * b.memory,
    received: a.received + sign * b.received,
    sent: a.sent + sign * b.sent,
    read: a.read + sign * b.read,
    written: a.written + sign * b.written,
  };
}

/** Reads the answer of `GET /containers/{id}/stats?stream=0`; undefined for a container that does not run, and for what is none. */
export function readCounted(json: string): Counted | undefined {
  const answer = objectOf(JSON.parse(json));
  const readMs = Date.parse(String(answer.read));
  const cpu = objectOf(objectOf(answer.cpu_stats).cpu_usage).total_usage;
  if (!Number.isFinite(readMs) || readMs <= 0 || typeof cpu !== 'number') return undefined;
  const memory = objectOf(answer.memory_stats);
  // A container that does not run is answered with nothing of its memory.
  if (memory.usage === undefined) return undefined;
  const networks = Object.values(objectOf(answer.networks)).map(objectOf);
  const block = objectOf(answer.blkio_stats).io_service_bytes_recursive;
  const operations = (Array.isArray(block) ? block : []).map(objectOf);
  const moved = (op: string): number =>
    sum(operations.map((each) => (String(each.op).toLowerCase() === op ? each.value : 0)));
  return {
    readMs,
    cpuNs: numberOf(cpu),
    memory: Math.max(0, numberOf(memory.usage) - cacheOf(objectOf(memory.stats))),
    memoryLimit: numberOf(memory.limit),
    received: sum(networks.map((each) => each.rx_bytes)),
    sent: sum(networks.map((each) => each.tx_bytes)),
    read: moved('read'),
    written: moved('write'),
  };
}

/** What was used between two readings; undefined when the container was started anew in between, or they are one. */
export function usageBetween(before: Counted, after: Counted): Usage | undefined {
  const seconds = (after.readMs - before.readMs) / 1_000;
  if (seconds <= 0 || after.cpuNs < before.cpuNs) return undefined;
  const rate = (member: 'received' | 'sent' | 'read' | 'written'): number =>
    Math.max(0, after[member] - before[member]) / seconds;
  return {
    cpus: (after.cpuNs - before.cpuNs) / 1e9 / seconds,
    memory: after.memory,
    received: rate('received'),
    sent: rate('sent'),
    read: rate('read'),
    written: rate('written'),
  };
}

/** As the docker CLI counts: cgroup v1 calls it `total_inactive_file`, v2 `inactive_file`. */
function cacheOf(stats: Readonly<Record<string, unknown>>): number {
  return numberOf(stats.total_inactive_file ?? stats.inactive_file);
}

function sum(values: readonly unknown[]): number {
  return values.reduce((total: number, value) => total + numberOf(value), 0);
}

function numberOf(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) && value > 0 ? value : 0;
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}
