import type { Container } from '../../cluster/container.ts';
import type { Status } from '../../cluster/status.ts';
import { ageText } from '../../engine/age.ts';

/** A text and until when (milliseconds of the manager's clock) it stays true. */
export interface DatedText {
  readonly text: string;
  readonly validUntilMs: number;
}

/** What `docker ps` shows as a container's status: its engine's words with the age of now, or that its node is not there. */
export function shownStatus({ node, status }: Container, nowMs: number): DatedText {
  return node.isHealthy ? renderStatus(status, nowMs) : HOST_DOWN;
}

const HOST_DOWN: DatedText = { text: 'Host Down', validUntilMs: Number.POSITIVE_INFINITY };

/** A status in its engine's words at `nowMs`. */
export function renderStatus(status: Status, nowMs: number): DatedText {
  if (status.sinceMs === undefined) return { text: status.before, validUntilMs: Number.POSITIVE_INFINITY };
  const age = ageText(nowMs - status.sinceMs);
  return { text: status.before + age.text + status.after, validUntilMs: nowMs + age.validMs };
}
