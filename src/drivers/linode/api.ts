import { configFile } from '../cloud/config-file.ts';
import { RestClient, type RestError } from '../cloud/rest.ts';
import type { DriverContext } from '../driver.ts';
import { DriverError } from '../errors.ts';
import type { LinodeOptions } from './options.ts';

/** Shapes of Linode's API version 4, as far as they are read: techdocs.akamai.com/linode-api/reference */
export interface Instance {
  readonly id: number;
  readonly label: string;
  readonly status: string;
  readonly type: string;
  readonly region: string;
  readonly tags: readonly string[];
  readonly ipv4: readonly string[];
  /** With its prefix: `2600:3c03::f03c:1/128`. */
  readonly ipv6: string | null;
}

export interface Firewall {
  readonly id: number;
  readonly label: string;
  readonly tags: readonly string[];
}

/** The part of `GET /linode/instances/ID/ips` that is read. */
export interface Addresses {
  readonly ipv4: {
    readonly private: readonly { readonly address: string }[];
    readonly vpc?: readonly { readonly address: string | null }[];
  };
}

/** A client of Linode's API: the published library for JavaScript wraps one call each and adds nothing a driver needs. */
export function linodeApi({ options, env, clock }: DriverContext<LinodeOptions>): RestClient {
  return new RestClient(
    {
      provider: 'Linode',
      baseUrl: options['linode-url'].replace(/\/+$/, ''),
      headers: async () => ({ authorization: `Bearer ${options['linode-token'] ?? (await cliToken(env))}` }),
      readError,
      // Another job on the Linode is running or queued; it passes.
      isBusy: ({ status, message }) => status === 400 && /linode busy/i.test(message),
      nextStep,
    },
    clock,
  );
}

/** `{"errors": [{"reason": "…", "field": "region"}]}` */
function readError(body: unknown): { code?: string; message?: string } {
  const { errors = [] } = (body ?? {}) as { errors?: readonly { reason?: string; field?: string | null }[] };
  if (errors.length === 0) return {};
  const told = errors.map(({ reason = '', field }) => (field ? `${field}: ${reason}` : reason));
  return { message: told.join('; '), code: errors[0]?.field || 'no field' };
}

function nextStep({ status, message }: RestError): { code: string; text: string } | undefined {
  if (status === 401)
    return { code: 'BAD_CREDENTIALS', text: 'Check the token, or make one under "API Tokens" in the Cloud Manager' };
  if (status === 403)
    return {
      code: 'FORBIDDEN',
      text: 'The token needs read and write scope for Linodes and Firewalls, and a user who may make and tag them',
    };
  if (/limit/i.test(message))
    return { code: 'QUOTA', text: 'Remove what is not needed, or ask for a higher limit in a support ticket' };
  if (/interface/i.test(message) && /generation|legacy/i.test(message))
    return { code: 'BAD_OPTIONS', text: 'Give the other --linode-interface-generation' };
  if (/must be unique/i.test(message)) return { code: 'NAME_TAKEN', text: 'Take another name, or give --linode-label' };
  if (/not available|unavailable|capacity/i.test(message))
    return { code: 'NO_CAPACITY', text: 'Try another --linode-region or --linode-instance-type' };
  if (status === 400) return { code: 'BAD_OPTIONS', text: 'Change the flag it is about' };
  if (status >= 500) return { code: 'DRIVER', text: 'See status.linode.com and try again' };
  return undefined;
}

/** The token of linode-cli's default user, which is what people sign in with. */
export async function cliToken(env: DriverContext['env']): Promise<string> {
  const text = (await configFile(env, 'linode-cli')) ?? '';
  const user = env.LINODE_CLI_USER ?? /^default-user\s*=\s*(\S+)/m.exec(text)?.[1];
  const sections = text.split(/^\s*\[(?=[^\]]+\]\s*$)/m);
  const section = sections.find((each) => each.startsWith(`${user}]`));
  const token = /^token\s*=\s*(\S+)/m.exec(section ?? '')?.[1];
  if (token !== undefined) return token;
  throw new DriverError(
    'there is no token for Linode: set LINODE_TOKEN, give --linode-token, or run "linode-cli configure"',
    'BAD_CREDENTIALS',
  );
}

/** All pages of a list. */
export async function pages<T>(api: RestClient, path: string, signal: AbortSignal): Promise<readonly T[]> {
  const all: T[] = [];
  let last = 1;
  for (let page = 1; page <= last; page += 1) {
    const answer: { readonly data: readonly T[]; readonly pages: number } = await api.get(
      `${path}?page_size=500&page=${page}`,
      signal,
    );
    all.push(...answer.data);
    last = answer.pages;
  }
  return all;
}
