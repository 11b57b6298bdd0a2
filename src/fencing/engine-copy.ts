import type { Node } from '../cluster/node.ts';
import { readAttempt } from '../desired/attempts.ts';
import { ANSWERS, askEngine } from '../engine/answers.ts';
import { type EngineAnswer, EngineAnswerError, messageOf } from '../engine/exchange.ts';
import type { ContainerDetails } from '../engine/types.ts';
import { policyObject } from './restart-policy.ts';

/** Bound on a call that ends or starts nothing that waits, in milliseconds. */
const CALL_MS = 15_000;
/** A stale copy gets its own grace period, but no longer than this, in seconds. */
const MAX_GRACE_SECONDS = 60;
const DEFAULT_GRACE_SECONDS = 10;

/** A copy of a container as its engine describes it. */
export interface CopyFacts {
  readonly isRunning: boolean;
  readonly status: string;
  /** By the engine's clock, in milliseconds since the epoch; NaN when it does not say. */
  readonly createdMs: number;
  readonly startedMs: number;
  readonly finishedMs: number;
  readonly exitCode: number;
  readonly graceSeconds: number;
  /** Its volumes without a name of their own. */
  readonly anonymousVolumes: readonly string[];
}

/** Undefined when the engine has no such container. Rejects when it cannot be asked. */
export async function inspectCopy(node: Node, engineId: string, signal: AbortSignal): Promise<CopyFacts | undefined> {
  const request = { method: 'GET', path: `/containers/${engineId}/json`, timeoutMs: CALL_MS, signal };
  try {
    return factsOf((await askEngine(node.client, request, ANSWERS.details)) as Described);
  } catch (error) {
    if (error instanceof EngineAnswerError && error.status === 404) return undefined;
    throw error;
  }
}

interface Described extends ContainerDetails {
  readonly Created?: unknown;
  readonly Mounts?: unknown;
}

function factsOf({ State, Config, Created, Mounts }: Described): CopyFacts {
  const {
    Status = '',
    StartedAt,
    FinishedAt,
    ExitCode,
  } = (State ?? {}) as NonNullable<Described['State']> & { ExitCode?: unknown };
  const { StopTimeout } = (Config ?? {}) as { readonly StopTimeout?: unknown };
  return {
    isRunning: Status === 'running' || Status === 'paused' || Status === 'restarting',
    status: Status,
    createdMs: Date.parse(String(Created)),
    startedMs: Date.parse(String(StartedAt)),
    finishedMs: Date.parse(String(FinishedAt)),
    exitCode: typeof ExitCode === 'number' ? ExitCode : 0,
    graceSeconds: typeof StopTimeout === 'number' && StopTimeout >= 0 ? StopTimeout : DEFAULT_GRACE_SECONDS,
    anonymousVolumes: Array.isArray(Mounts) ? Mounts.flatMap(anonymousVolume) : [],
  };
}

/** Engines give a volume without a name 64 hexadecimal digits. */
function anonymousVolume(mount: unknown): string[] {
  const { Type, Name, Driver } = (mount ?? {}) as Readonly<Record<string, unknown>>;
  const isAnonymous =
    Type === 'volume' && Driver === 'local' && typeof Name === 'string' && /^[0-9a-f]{64}$/.test(Name);
  return isAnonymous ? [Name] : [];
}

/** Stops a copy with its own grace period, bounded; one that will not is killed. Resolves when it does not run; rejects when it may. */
export async function endCopy(
  node: Node,
  engineId: string,
  { graceSeconds }: Pick<CopyFacts, 'graceSeconds'>,
  signal: AbortSignal,
): Promise<void> {
  // Engines wait for ever when it is negative.
  const seconds = graceSeconds < 0 ? MAX_GRACE_SECONDS : Math.min(graceSeconds, MAX_GRACE_SECONDS);
  const path = `/containers/${engineId}`;
  try {
    const timeoutMs = seconds * 1000 + CALL_MS;
    const answer = await node.client.request({ method: 'POST', path: `${path}/stop?t=${seconds}`, signal, timeoutMs });
    assertDone(answer, [404]);
  } catch (error) {
    signal.throwIfAborted();
    const answer = await node.client.request({ method: 'POST', path: `${path}/kill`, signal, timeoutMs: CALL_MS });
    // 409: it does not run any more.
    if (answer.statusCode >= 400 && answer.statusCode !== 404 && answer.statusCode !== 409) throw error;
  }
}

/** Removes a copy, and none of its volumes. Resolves when it is gone. */
export async function removeCopy(node: Node, engineId: string, signal: AbortSignal): Promise<void> {
  const path = `/containers/${engineId}?force=1`;
  const answer = await node.client.request({ method: 'DELETE', path, signal, timeoutMs: 60_000 });
  // 409: its removal is in progress.
  assertDone(answer, [404, 409]);
}

/** Starts a container; one that runs already is started. */
export async function startCopy(node: Node, engineId: string, signal: AbortSignal): Promise<void> {
  const path = `/containers/${engineId}/start`;
  assertDone(await node.client.request({ method: 'POST', path, signal, timeoutMs: 60_000 }), []);
}

/** Gives a container another restart policy at its engine, if that has not it yet; a policy as one word, see `MoveTerms.restart`. */
export async function setRestartPolicy(
  node: Node,
  engineId: string,
  policy: string,
  signal: AbortSignal,
): Promise<void> {
  const path = `/containers/${engineId}`;
  const inspect = { method: 'GET', path: `${path}/json`, timeoutMs: CALL_MS, signal };
  const { HostConfig } = await askEngine(node.client, inspect, ANSWERS.details);
  const { Name, MaximumRetryCount = 0 } = (HostConfig?.RestartPolicy ?? {}) as {
    readonly Name?: unknown;
    readonly MaximumRetryCount?: unknown;
  };
  const wanted = policyObject(policy);
  if ((Name || 'no') === wanted.Name && MaximumRetryCount === wanted.MaximumRetryCount) return;
  const body = JSON.stringify({ RestartPolicy: wanted });
  assertDone(
    await node.client.request({ method: 'POST', path: `${path}/update`, body, signal, timeoutMs: CALL_MS }),
    [],
  );
}

/** Removes an anonymous volume that nothing uses any more. False while something does. */
export async function removeVolume(node: Node, name: string, signal: AbortSignal): Promise<boolean> {
  const answer = await node.client.request({ method: 'DELETE', path: `/volumes/${name}`, signal, timeoutMs: CALL_MS });
  assertDone(answer, [404, 409]);
  return answer.statusCode !== 409;
}

/** A container that was made for a copy of a record. */
export interface MarkedContainer {
  readonly engineId: string;
  readonly mark: NonNullable<ReturnType<typeof readAttempt>>;
}

/** Every container on the node that a manager made for a record, running or not. */
export async function markedContainers(node: Node, signal: AbortSignal): Promise<readonly MarkedContainer[]> {
  const filters = encodeURIComponent(JSON.stringify({ label: [node.attemptLabel] }));
  const request = { method: 'GET', path: `/containers/json?all=1&filters=${filters}`, timeoutMs: CALL_MS, signal };
  const listed = await askEngine(node.client, request, ANSWERS.containers);
  return listed.flatMap(({ Id, Labels }) => {
    const mark = readAttempt(Labels?.[node.attemptLabel]);
    return mark ? [{ engineId: Id, mark }] : [];
  });
}

function assertDone({ statusCode, body }: EngineAnswer, passing: readonly number[]): void {
  if (statusCode >= 400 && !passing.includes(statusCode)) throw new EngineAnswerError(messageOf(body), statusCode);
}
