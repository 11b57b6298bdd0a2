import { readFile } from 'node:fs/promises';
import pLimit from 'p-limit';
import type { EngineClient } from '../engine/client.ts';
import { EngineAnswerError } from '../engine/exchange.ts';
import type { FenceOrders, HeldContainer, Lease } from './lease-file.ts';

/** An engine that is well kills a container within this, in milliseconds; then its process is ended here. */
const ENGINE_MS = 1_500;
/** Containers that are asked about at once. */
const AT_ONCE = 16;
const LABEL = 'io.enxame.fence';

/**
 * Strict containers that run, with their processes: those whose label says so and those that are ordered to be, without the ones that are ordered
 * not to be. Rejects when the engine does not answer.
 */
export async function strictContainers(
  engine: EngineClient,
  orders: FenceOrders,
  timeoutMs: number,
): Promise<readonly HeldContainer[]> {
  const filters = encodeURIComponent(
    JSON.stringify({ label: [`${LABEL}=strict`], status: ['running', 'paused', 'restarting'] }),
  );
  const path = `/containers/json?filters=${filters}`;
  const listed = await engine.json<readonly { readonly Id: string }[]>({ method: 'GET', path, timeoutMs });
  const ids = new Set([...listed.map(({ Id }) => Id), ...orders.strict]);
  for (const id of orders.plain) ids.delete(id);
  const limit = pLimit(AT_ONCE);
  const found = await Promise.all([...ids].map((id) => limit(() => held(engine, id, timeoutMs))));
  return found.flatMap((each) => each ?? []);
}

/** Undefined when it does not run, or is gone. */
async function held(engine: EngineClient, id: string, timeoutMs: number): Promise<HeldContainer | undefined> {
  type Details = { readonly State?: { readonly Pid?: number; readonly Running?: boolean } };
  const inspect = { method: 'GET', path: `/containers/${id}/json`, timeoutMs };
  try {
    const { State } = await engine.json<Details>(inspect);
    return State?.Running === false ? undefined : { id, pid: State?.Pid ?? 0 };
  } catch (error) {
    if (error instanceof EngineAnswerError && error.status === 404) return undefined;
    throw error;
  }
}

/**
 * Ends strict containers at once: through the engine, and those that it does not end in time, or that it says nothing of, by killing
 * their first processes. Resolves when none of those known runs; rejects when one may.
 */
export async function endContainers(
  engine: EngineClient,
  { containers, orders }: Pick<Lease, 'containers' | 'orders'>,
): Promise<void> {
  const found = await strictContainers(engine, orders, ENGINE_MS).catch(() => []);
  const all = new Map([...containers, ...found].map((each) => [each.id, each]));
  const results = await Promise.allSettled([...all.values()].map((each) => end(engine, each)));
  const failed = results.find((result) => result.status === 'rejected');
  if (failed) throw failed.reason;
}

async function end(engine: EngineClient, { id, pid }: HeldContainer): Promise<void> {
  const kill = { method: 'POST', path: `/containers/${id}/kill`, timeoutMs: ENGINE_MS };
  const status = await engine.request(kill).then(
    ({ statusCode }) => statusCode,
    () => 0,
  );
  // 404 and 409: it is gone, or does not run.
  if (status === 204 || status === 404 || status === 409) return;
  if (!(await isProcessOf(id, pid))) return;
  process.kill(pid, 'SIGKILL');
}

/** A process number may be another process's by now: a container's own is in a control group of its ID. */
export async function isProcessOf(id: string, pid: number): Promise<boolean> {
  if (pid <= 1) return false;
  const groups = await readFile(`/proc/${pid}/cgroup`, 'utf8').catch(() => '');
  return groups.includes(id);
}
