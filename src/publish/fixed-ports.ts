import type { Container } from '../cluster/container.ts';
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
    return asksFor(await inspect(copy), at.inside, at.port);
  } catch {
    return true;
  }
}

/** The numbers that a container will have on its node when it starts, as `8080/tcp`; none when its engine cannot say. */
export async function numbersAskedFor(copy: Container): Promise<readonly string[]> {
  try {
    const { PortBindings } = fieldsOf((await inspect(copy)).HostConfig);
    return Object.entries(fieldsOf(PortBindings)).flatMap(([inside, bindings]) =>
      (Array.isArray(bindings) ? bindings : []).flatMap((each) => {
        const number = textOf(fieldsOf(each).HostPort);
        return /^[1-9]\d*$/.test(number) ? [`${number}/${inside.split('/')[1] ?? 'tcp'}`] : [];
      }),
    );
  } catch {
    return [];
  }
}

async function inspect({ node, engineId }: Container): Promise<Readonly<Record<string, unknown>>> {
  const request = { method: 'GET', path: `/containers/${engineId}/json`, timeoutMs: CALL_MS, maxBytes: MAX_BYTES };
  return fieldsOf(await node.client.json<unknown>(request));
}

/** Whether an inspected container's bindings of a port (`80/tcp`) name a number of its node; a range (`8000-8010`) names none. */
export function asksFor(details: Readonly<Record<string, unknown>>, inside: string, port: number): boolean {
  const bindings = fieldsOf(fieldsOf(details.HostConfig).PortBindings)[inside];
  return Array.isArray(bindings) && bindings.some((each) => textOf(fieldsOf(each).HostPort) === String(port));
}
