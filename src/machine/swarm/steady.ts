import { systemClock } from '../../common/clock.ts';
import { DriverError } from '../../common/errors.ts';
import { retry } from '../../common/retry.ts';
import type { EngineClient } from '../../engine/client.ts';
import type { Task } from '../../provision/provisioner.ts';

/** A program that has said something and runs on a moment later has read its command line and is at work. */
const WITHIN_MS = 20_000;
const PAUSE_MS = 250;
/** Lines: the trace of an uncaught error is some twenty. */
const TAIL = 60;

interface ContainerState {
  readonly RestartCount?: number;
  readonly State?: { readonly Running?: boolean; readonly Restarting?: boolean };
}

/**
 * Resolves when a container that was started is at work. Rejects with the last it said when it ends instead: restarted for ever, it
 * would look as if it ran.
 */
export async function assertSteady(client: EngineClient, name: string, { signal }: Task): Promise<void> {
  let hasSpoken = false;
  const isSteady = async (): Promise<boolean> => {
    const path = `/containers/${name}/json`;
    const { RestartCount = 0, State = {} } = await client.json<ContainerState>({ method: 'GET', path, signal });
    if (RestartCount > 0 || State.Restarting || !State.Running) throw await ended(client, name, signal);
    if (hasSpoken) return true;
    hasSpoken = (await lastWords(client, name, signal)) !== '';
    return false;
  };
  const deadline = systemClock.now() + WITHIN_MS;
  const until = (isIt: boolean): boolean => isIt;
  await retry(systemClock, isSteady, { until, passes: () => false, backoff: PAUSE_MS, deadline, signal });
}

async function ended(client: EngineClient, name: string, signal: AbortSignal): Promise<DriverError> {
  const words = reasonIn(await lastWords(client, name, signal)) || 'it says nothing';
  return new DriverError(`${name} does not stay up: ${words}`, 'SWARM_CONTAINER');
}

/** The line that says why: what the program said itself, else the error above a trace, else the last line. */
export function reasonIn(log: string): string {
  const lines = log.split('\n').map((line) => line.trim());
  const own = lines.findLast((line) => line.startsWith('enxame: '));
  const error = /^\w*Error(?: \[\w+\])?: \S/;
  return own ?? lines.findLast((line) => error.test(line)) ?? lines.at(-1) ?? '';
}

/** The end of what a container without a terminal has said. */
export async function lastWords(client: EngineClient, name: string, signal: AbortSignal): Promise<string> {
  const path = `/containers/${name}/logs?stdout=1&stderr=1&tail=${TAIL}`;
  const { body } = await client.request({ method: 'GET', path, signal });
  return textOfFrames(body).trim();
}

/** The text of a log without a terminal: frames of eight bytes of head, the last four their length, and text. */
export function textOfFrames(body: Buffer): string {
  let text = '';
  for (let at = 0; at + 8 <= body.length; ) {
    const length = body.readUInt32BE(at + 4);
    text += body.toString('utf8', at + 8, at + 8 + length);
    at += 8 + length;
  }
  return text;
}
