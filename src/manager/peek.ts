import pLimit from 'p-limit';
import type { Clock } from '../common/clock.ts';
import type { DiscoveryBackend } from '../discovery/backend.ts';
import type { Entry } from '../discovery/entry.ts';
import { EngineClient } from '../engine/client.ts';
import type { Connector } from '../engine/connectors/connector.ts';
import type { EngineInfo } from '../engine/types.ts';
import type { SeenEngine } from '../store/choose-cluster.ts';
import { MARK_LABEL } from '../substrate/types.ts';

/** How long a manager's start waits for discovery to learn which cluster it serves, in milliseconds. */
const DISCOVERY_MS = 5_000;
/** How long it then waits for engines: those of a swarm that just lost its leader take their time. */
const ENGINES_MS = 10_000;
/** And for the others when one has answered. */
const OTHERS_MS = 3_000;
/** A cluster's engines all say the same; more are not asked. */
const MOST_ASKED = 64;
const AT_ONCE = 16;

export interface PeekDeps {
  readonly connect: (entry: Entry) => Promise<Connector>;
  readonly clock: Clock;
}

/** What discovery knows now; nothing when it fails or takes too long. */
export async function peekEntries(backend: DiscoveryBackend, clock: Clock): Promise<readonly Entry[]> {
  const enough = new AbortController();
  const timer = clock.timer(() => enough.abort());
  timer.start(DISCOVERY_MS);
  try {
    return await Promise.race([backend.entries(enough.signal), aborted(enough.signal)]);
  } catch {
    return [];
  } finally {
    timer.stop();
  }
}

/** Engines that answer in time, with who they are and what their swarm is marked with. */
export async function peekEngines(
  entries: readonly Entry[],
  { connect, clock }: PeekDeps,
): Promise<readonly SeenEngine[]> {
  const enough = new AbortController();
  const { signal } = enough;
  const all = clock.timer(() => enough.abort());
  const others = clock.timer(() => enough.abort());
  all.start(ENGINES_MS);
  const limit = pLimit(AT_ONCE);
  const seen: SeenEngine[] = [];
  const asking = entries.slice(0, MOST_ASKED).map((entry) =>
    limit(async () => {
      // An engine that cannot be asked says nothing; its monitor will tell why.
      const engine = await peek(entry, connect, signal).catch(() => undefined);
      if (!engine) return;
      seen.push(engine);
      if (seen.length === 1) others.start(OTHERS_MS);
    }),
  );
  await Promise.race([Promise.all(asking), aborted(signal)]).catch(() => undefined);
  all.stop();
  others.stop();
  enough.abort();
  return [...seen];
}

async function peek(
  entry: Entry,
  connect: (entry: Entry) => Promise<Connector>,
  signal: AbortSignal,
): Promise<SeenEngine | undefined> {
  signal.throwIfAborted();
  const client = new EngineClient(await connect(entry), { connections: 1, connectTimeoutMs: ENGINES_MS });
  const ask = { method: 'GET', isUnversioned: true, timeoutMs: ENGINES_MS, signal } as const;
  try {
    const info = await client.json<EngineInfo & { readonly Swarm?: { readonly ControlAvailable?: boolean } }>({
      ...ask,
      path: '/info',
    });
    if (typeof info?.ID !== 'string' || info.ID === '') return undefined;
    const mark = info.Swarm?.ControlAvailable ? await markOf(client, ask).catch(() => undefined) : undefined;
    return { entry: entry.canonical, id: info.ID, name: String(info.Name), mark };
  } finally {
    // Closing what is closed already, or never opened, fails in ways that do not matter here.
    await client.close().catch(() => undefined);
  }
}

async function markOf(
  client: EngineClient,
  ask: Omit<Parameters<EngineClient['json']>[0], 'path'>,
): Promise<string | undefined> {
  type Swarm = { readonly Spec?: { readonly Labels?: Readonly<Record<string, string>> | null } };
  const { Spec } = await client.json<Swarm>({ ...ask, path: '/swarm' });
  return Spec?.Labels?.[MARK_LABEL];
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    else signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}
