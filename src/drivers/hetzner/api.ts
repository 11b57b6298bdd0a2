import { configFile } from '../cloud/config-file.ts';
import { pollUntil } from '../cloud/poll.ts';
import { RestClient, type RestError } from '../cloud/rest.ts';
import type { DriverContext } from '../driver.ts';
import { DriverError } from '../errors.ts';
import type { HetznerOptions } from './options.ts';

/** Shapes of Hetzner Cloud's API, as far as they are read: docs.hetzner.cloud */
export interface Server {
  readonly id: number;
  readonly name: string;
  readonly status: string;
  readonly server_type: { readonly name: string };
  readonly location?: { readonly name: string };
  readonly datacenter?: { readonly name: string; readonly location: { readonly name: string } };
  readonly public_net: {
    readonly ipv4?: { readonly ip: string } | null;
    readonly ipv6?: { readonly ip: string } | null;
  };
  readonly private_net: readonly { readonly ip: string }[];
}

/** Something with an identifier and, mostly, a name. */
export interface Named {
  readonly id: number;
  readonly name: string;
}

interface Action {
  readonly id: number;
  readonly status: 'running' | 'success' | 'error';
  readonly error?: { readonly code: string; readonly message: string } | null;
}

/** A client of Hetzner Cloud's API. Hetzner publishes no library for JavaScript, so this is a thin one of our own. */
export function hetznerCloud({ options, env, clock }: DriverContext<HetznerOptions>): RestClient {
  return new RestClient(
    {
      provider: 'Hetzner Cloud',
      baseUrl: options['hetzner-api-url'].replace(/\/+$/, ''),
      headers: async () => ({ authorization: `Bearer ${options['hetzner-api-token'] ?? (await hcloudToken(env))}` }),
      readError: (body) => (body as { error?: { code?: string; message?: string } } | undefined)?.error ?? {},
      // "locked": another action on it is running; "conflict": it changed meanwhile. Both pass.
      isBusy: ({ code }) => code === 'locked' || code === 'conflict',
      nextStep,
    },
    clock,
  );
}

const NEXT_STEPS: Readonly<Record<string, { readonly code: string; readonly text: string }>> = {
  unauthorized: {
    code: 'BAD_CREDENTIALS',
    text: 'Check the token, or make one under "Security", "API tokens" in the project',
  },
  token_readonly: { code: 'FORBIDDEN', text: 'The token can only read: make one that can write, too' },
  forbidden: { code: 'FORBIDDEN', text: 'The token may not do that: make another one in the project' },
  resource_limit_exceeded: {
    code: 'QUOTA',
    text: 'Remove what is not needed, or ask for more under "Limits" in the Hetzner Console',
  },
  resource_unavailable: {
    code: 'NO_CAPACITY',
    text: 'Try another --hetzner-server-type or --hetzner-server-location',
  },
  placement_error: {
    code: 'NO_CAPACITY',
    text: 'Try another --hetzner-server-location or no --hetzner-placement-group',
  },
  uniqueness_error: { code: 'NAME_TAKEN', text: 'Something in the project has that name: take another name' },
  invalid_input: { code: 'BAD_OPTIONS', text: 'Change the flag it is about' },
};

function nextStep({ code, status }: RestError): { code: string; text: string } | undefined {
  if (status >= 500) return NEXT_STEPS[code] ?? { code: 'DRIVER', text: 'See status.hetzner.com and try again' };
  return NEXT_STEPS[code];
}

/** The token of hcloud's active context, which is what people sign in with. */
export async function hcloudToken(env: DriverContext['env']): Promise<string> {
  const text = (await configFile(env, 'hcloud', 'cli.toml')) ?? '';
  const active = env.HCLOUD_CONTEXT ?? /^active_context\s*=\s*["']([^"']+)["']/m.exec(text)?.[1];
  const sections = text.split(/^\s*\[\[contexts\]\]\s*$/m).slice(1);
  const section = sections.find((each) => /^\s*name\s*=\s*["']([^"']+)["']/m.exec(each)?.[1] === active);
  const token = /^\s*token\s*=\s*["']([^"']+)["']/m.exec(section ?? '')?.[1];
  if (token !== undefined) return token;
  throw new DriverError(
    'there is no token for Hetzner Cloud: set HCLOUD_TOKEN, give --hetzner-api-token, or run "hcloud context create"',
    'BAD_CREDENTIALS',
  );
}

/** Waits until an action is done; throws when it failed. */
export async function finished(
  context: Pick<DriverContext<unknown>, 'clock' | 'report'>,
  api: RestClient,
  action: Action,
  what: string,
  signal: AbortSignal,
): Promise<void> {
  let latest: Action | undefined = action;
  const look = async (): Promise<true | undefined> => {
    latest ??= (await api.get<{ action: Action }>(`/actions/${action.id}`, signal)).action;
    const { status, error } = latest;
    latest = undefined;
    if (status === 'error')
      throw new DriverError(`Hetzner Cloud could not ${what}: ${error?.message} (${error?.code})`, 'DRIVER');
    return status === 'success' ? true : undefined;
  };
  await pollUntil(context, { what: `Hetzner to ${what}`, timeoutMs: 5 * 60_000 }, look, signal);
}

/** All pages of a list. */
export async function pages<T>(api: RestClient, path: string, key: string, signal: AbortSignal): Promise<readonly T[]> {
  const all: T[] = [];
  for (let page: number | null = 1; page !== null; ) {
    const answer: Readonly<Record<string, unknown>> & { meta?: { pagination?: { next_page?: number | null } } } =
      await api.get(`${path}${path.includes('?') ? '&' : '?'}per_page=50&page=${page}`, signal);
    all.push(...((answer[key] ?? []) as readonly T[]));
    page = answer.meta?.pagination?.next_page ?? null;
  }
  return all;
}
