import { readFile } from 'node:fs/promises';
import type { EngineClient } from '../engine/client.ts';
import type { HeldContainer } from './lease-file.ts';

/** An engine that is well kills a container within this, in milliseconds; then its process is ended here. */
const ENGINE_MS = 1_500;
const LABEL = 'io.enxame.fence';

/** Strict containers that run, with their processes. Rejects when the engine does not answer. */
export async function strictContainers(engine: EngineClient, timeoutMs: number): Promise<readonly HeldContainer[]> {
  const filters = encodeURIComponent(
    JSON.stringify({ label: [`${LABEL}=strict`], status: ['running', 'paused', 'restarting'] }),
  );
  const path = `/containers/json?filters=${filters}`;
  const listed = await engine.json<readonly { readonly Id: string }[]>({ method: 'GET', path, timeoutMs });
  return Promise.all(
    listed.map(async ({ Id: id }) => {
      type Details = { readonly State?: { readonly Pid?: number } };
      const inspect = { method: 'GET', path: `/containers/${id}/json`, timeoutMs };
      const { State } = await engine.json<Details>(inspect);
      return { id, pid: State?.Pid ?? 0 };
    }),
  );
}

/**
 * Ends strict containers at once: through the engine, and those that it does not end in time, or that it says nothing of, by killing
 * their first processes. Resolves when none of `known` runs; rejects when one may.
 */
export async function endContainers(engine: EngineClient, known: readonly HeldContainer[]): Promise<void> {
  const found = await strictContainers(engine, ENGINE_MS).catch(() => []);
  const all = new Map([...known, ...found].map((each) => [each.id, each]));
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
