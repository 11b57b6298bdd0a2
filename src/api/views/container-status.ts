import type { Container } from '../../cluster/container.ts';
import type { Status } from '../../cluster/status.ts';
import { ageText } from '../../engine/age.ts';

/** A text and until when (milliseconds of the manager's clock) it stays true. */
export interface DatedText {
  readonly text: string;
  readonly validUntilMs: number;
}

/** A reason in a column of a table. */
const MAX_REASON_CHARS = 160;

/**
 * What `docker ps` shows as a container's status: its engine's words with the age of now, or that its node is not there, and why it waits for
 * that, or that a client stopped it; and which of its ports are not at the endpoint though they should.
 */
export function shownStatus({ node, engineId, status }: Container, nowMs: number): DatedText {
  if (node.isHealthy) {
    const { text, validUntilMs } = renderStatus(status, nowMs);
    const problem = node.endpointPorts(engineId)?.problem;
    return { text: problem === undefined ? text : `${text}, ${shortened(problem)}`, validUntilMs };
  }
  if (node.isStopOwed(engineId)) return { text: STOPPED, validUntilMs: Number.POSITIVE_INFINITY };
  const why = node.waitingReason(engineId);
  const text = why === undefined ? HOST_DOWN : `${HOST_DOWN}, ${shortened(why)}`;
  return { text, validUntilMs: Number.POSITIVE_INFINITY };
}

const HOST_DOWN = 'Host Down';
const STOPPED = `${HOST_DOWN}, stopped: done when its node is back`;

function shortened(text: string): string {
  return text.length <= MAX_REASON_CHARS ? text : `${text.slice(0, MAX_REASON_CHARS - 1)}…`;
}

/** A status in its engine's words at `nowMs`. */
export function renderStatus(status: Status, nowMs: number): DatedText {
  if (status.sinceMs === undefined) return { text: status.before, validUntilMs: Number.POSITIVE_INFINITY };
  const age = ageText(nowMs - status.sinceMs);
  return { text: status.before + age.text + status.after, validUntilMs: nowMs + age.validMs };
}
