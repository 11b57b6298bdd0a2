import { type Reclaim, type ReclaimSource, textOf } from './source.ts';

/**
 * EC2: `spot/instance-action` is 404 until two minutes before the end. Version 2 of the service wants a token; where it has none, it is
 * asked without.
 */
const amazonec2: ReclaimSource = {
  everyMs: 5_000,
  look: async (ask) => {
    const headers = { 'X-aws-ec2-metadata-token-ttl-seconds': '60' };
    const token = await ask('/latest/api/token', { method: 'PUT', headers });
    const value = token.ok ? await token.text() : '';
    const answer = await ask('/latest/meta-data/spot/instance-action', {
      headers: value === '' ? {} : { 'X-aws-ec2-metadata-token': value },
    });
    if (answer.status === 404) {
      await answer.body?.cancel();
      return undefined;
    }
    const { action, time } = JSON.parse(await textOf(answer)) as { readonly action?: unknown; readonly time?: unknown };
    return reclaim(action, time);
  },
};

/** Azure: scheduled events; `Preempt` comes 30 seconds before. */
const azure: ReclaimSource = {
  everyMs: 2_000,
  look: async (ask) => {
    const answer = await ask('/metadata/scheduledevents?api-version=2020-07-01', { headers: { Metadata: 'true' } });
    const { Events } = JSON.parse(await textOf(answer)) as { readonly Events?: unknown };
    const events = (Array.isArray(Events) ? Events : []) as readonly Readonly<Record<string, unknown>>[];
    const event = events.find(({ EventType }) => EventType === 'Preempt' || EventType === 'Terminate');
    return event && reclaim(event.EventType, event.NotBefore);
  },
};

/** Google: `TRUE` 30 seconds before the end. */
const google: ReclaimSource = {
  everyMs: 2_000,
  look: async (ask) => {
    const headers = { 'Metadata-Flavor': 'Google' };
    const answer = await ask('/computeMetadata/v1/instance/preempted', { headers });
    return (await textOf(answer)).trim() === 'TRUE' ? { action: 'preempted' } : undefined;
  },
};

/** By the name of the driver, as the label `provider` says. */
export const RECLAIM_SOURCES: Readonly<Record<string, ReclaimSource>> = { amazonec2, azure, google };

function reclaim(action: unknown, time: unknown): Reclaim {
  const atMs = Date.parse(String(time));
  return { action: String(action).slice(0, 64), ...(Number.isFinite(atMs) && { atMs }) };
}
