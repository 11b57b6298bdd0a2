import { SERVER } from '../cloud/cloud-driver.ts';
import { pollUntil } from '../cloud/poll.ts';
import { type RemovableKind, removeAll } from '../cloud/removal.ts';
import { codeOf, type RestClient } from '../cloud/rest.ts';
import { deletePart } from '../cloud/rest-parts.ts';
import type { DriverContext } from '../driver.ts';
import type { Server } from './api.ts';
import type { ScalewayOptions } from './options.ts';
import { blockApi, instanceApi, owned } from './own.ts';
import { kindOfVolume, rootVolume } from './parts.ts';

type Context = DriverContext<ScalewayOptions>;

const STOPPED_MS = 10 * 60_000;
/** A volume or a group is in use until its server is gone everywhere. */
const IN_USE = ['precondition_failed', 'resource_still_in_use', 'invalid_request_error', 'conflict'];

/** Removes all that is the machine's: the server first, then what it used. */
export async function removeMachine(context: Context, api: RestClient, signal: AbortSignal): Promise<void> {
  const isInUse = (error: unknown): boolean => IN_USE.includes(codeOf(error) ?? '');
  const kind = (word: string, list: string): RemovableKind => ({
    kind: word,
    list: () => owned(context, api, list, signal),
    remove: (path) => deletePart(context, api, path, signal, isInUse),
  });
  const instances = instanceApi(context);
  const server = kind(SERVER, `${instances}/servers`);
  const kinds: readonly RemovableKind[] = [
    { ...server, remove: (path) => removeServer(context, api, path, signal) },
    kind('block-volume', `${blockApi(context)}/volumes`),
    kind('local-volume', `${instances}/volumes`),
    kind('routed_ipv4', `${instances}/ips`),
    kind('routed_ipv6', `${instances}/ips`),
    kind('security-group', `${instances}/security_groups`),
  ];
  await removeAll(context, kinds, signal);
}

/**
 * Stops and deletes the server; false when there was none. Its root volume is written down first. "terminate" would be one call less but
 * takes all local volumes along, also those attached by hand.
 */
async function removeServer(context: Context, api: RestClient, path: string, signal: AbortSignal): Promise<boolean> {
  const find = async (): Promise<Server | undefined> => (await api.find<{ server: Server }>(path, signal))?.server;
  const first = await find();
  if (first === undefined) return false;
  const volume = rootVolume(context, first);
  if (volume !== undefined)
    await context.journal.ensure(kindOfVolume(volume), { make: () => Promise.resolve({ id: volume }) });
  const until = (what: string, states: readonly string[]): Promise<string> =>
    pollUntil(
      context,
      { what: `${context.name} ${what}`, timeoutMs: STOPPED_MS },
      async () => {
        const state = (await find())?.state ?? 'gone';
        return states.includes(state) ? state : undefined;
      },
      signal,
    );
  const state = await until('to settle', ['running', 'stopped', 'stopped in place', 'locked', 'gone']);
  if (state === 'running' || state === 'stopped in place') {
    const body = { action: 'poweroff' };
    const call = { action: `POST ${path}/action`, parameters: body };
    await context.change(call, () => api.send('POST', `${path}/action`, body, signal), undefined);
    await until('to stop', ['stopped', 'gone']);
  }
  return await deletePart(context, api, path, signal);
}
