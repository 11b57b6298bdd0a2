import { fieldsOf, textOf } from '../scheduler/json.ts';
import type { Claim } from './claim.ts';

/** How long an engine may take to describe a container, in milliseconds, and its description in bytes. */
const CALL_MS = 5_000;
const MAX_BYTES = 4 * 1024 * 1024;

/**
 * Whether a client asked for the number that a container has at its node; a listing does not tell. While its engine cannot say,
 * the number counts as asked for, so that nothing is published where nobody looks for it.
 */
export async function isFixedAt({ copy, at }: Claim): Promise<boolean> {
  try {
    const path = `/containers/${copy.engineId}/json`;
    const request = { method: 'GET', path, timeoutMs: CALL_MS, maxBytes: MAX_BYTES };
    const details = fieldsOf(await copy.node.client.json<unknown>(request));
    return asksFor(details, at.inside, at.port);
  } catch {
    return true;
  }
}

/** Whether an inspected container's bindings of a port (`80/tcp`) name a number of its node; a range (`8000-8010`) names none. */
export function asksFor(details: Readonly<Record<string, unknown>>, inside: string, port: number): boolean {
  const bindings = fieldsOf(fieldsOf(details.HostConfig).PortBindings)[inside];
  return Array.isArray(bindings) && bindings.some((each) => textOf(fieldsOf(each).HostPort) === String(port));
}
