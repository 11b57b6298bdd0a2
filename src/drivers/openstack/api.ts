import { RestClient } from '../cloud/rest.ts';
import type { DriverContext } from '../driver.ts';
import { isQuota, nextStep, readError } from './errors.ts';
import type { OpenStackOptions } from './options.ts';
import type { Session } from './session.ts';

/** Shapes of Nova's API, as far as they are read: docs.openstack.org/api-ref/compute */
export interface Server {
  readonly id: string;
  readonly name: string;
  readonly status: string;
  readonly 'OS-EXT-STS:task_state'?: string | null;
  readonly 'OS-EXT-AZ:availability_zone'?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  /** With its name since microversion 2.47, before that by ID. */
  readonly flavor: { readonly original_name?: string; readonly id?: string };
  readonly addresses?: Readonly<Record<string, readonly Address[]>>;
  readonly fault?: { readonly message?: string };
}

/** An address of a server. */
export interface Address {
  readonly addr: string;
  readonly version: number;
  readonly 'OS-EXT-IPS:type'?: 'fixed' | 'floating';
}

/** A client of all services; paths begin with the service: `/compute/servers`, `/network/ports`. */
export function openstackApi(context: DriverContext<OpenStackOptions>, session: Session): RestClient {
  return new RestClient(
    {
      provider: 'OpenStack',
      baseUrl: '',
      locate: (path, signal) => session.locate(path, signal),
      headers: (path, signal) => session.headers(path, signal),
      renew: () => session.renew(),
      fetch: session.fetch,
      readError,
      // Older services ask so to slow down; Cinder says it of its quota, too. Nova refuses what comes in the middle of a reboot or stop.
      isBusy: (error) =>
        (error.status === 413 && !isQuota(error)) ||
        (error.status === 409 && /while it is in task_state/i.test(error.message)),
      nextStep,
    },
    context.clock,
  );
}

/** All pages of a list, which is the member `key` of its answers. */
export async function pages<T>(api: RestClient, path: string, key: string, signal: AbortSignal): Promise<readonly T[]> {
  const all: T[] = [];
  let marker: string | undefined;
  do {
    const after = marker === undefined ? '' : `${path.includes('?') ? '&' : '?'}marker=${encodeURIComponent(marker)}`;
    const answer = await api.get<Readonly<Record<string, unknown>>>(`${path}${after}`, signal);
    all.push(...((answer[key] ?? []) as readonly T[]));
    const last = marker;
    marker = markerOf(answer, key);
    if (marker === last) break;
  } while (marker !== undefined);
  return all;
}

/** Links to the next page: only their marker counts, as behind a proxy they may lead elsewhere. */
function markerOf(answer: Readonly<Record<string, unknown>>, key: string): string | undefined {
  const links = (answer[`${key}_links`] ?? []) as readonly { readonly rel: string; readonly href: string }[];
  const next = links.find(({ rel }) => rel === 'next')?.href ?? (answer.next as string | undefined);
  if (next === undefined) return undefined;
  return new URLSearchParams(next.split('?')[1]).get('marker') ?? undefined;
}
