import { homedir } from 'node:os';
import { join } from 'node:path';
import { settingsText } from '../cloud/config-file.ts';
import { RestClient, type RestError } from '../cloud/rest.ts';
import type { DriverContext } from '../driver.ts';
import { DriverError } from '../errors.ts';
import type { VultrOptions } from './options.ts';

/** Shapes of Vultr's API version 2, as far as they are read: www.vultr.com/api */
export interface Instance {
  readonly id: string;
  readonly label: string;
  readonly status: string;
  readonly power_status: string;
  readonly plan: string;
  readonly region: string;
  readonly tags: readonly string[];
  /** `0.0.0.0` until there is one. */
  readonly main_ip: string;
  readonly v6_main_ip: string;
  readonly internal_ip: string;
}

export interface SshKey {
  readonly id: string;
  readonly name: string;
  readonly ssh_key: string;
}

export interface FirewallGroup {
  readonly id: string;
  readonly description: string;
}

export interface FirewallRule {
  readonly ip_type: string;
  readonly protocol: string;
  readonly port: string;
  readonly subnet: string;
  readonly subnet_size: number;
  /** Of one that is there. */
  readonly id?: number;
}

/** A client of Vultr's API. Our own: the provider's library (@vultr/vultr-node 2.8) depends on the TypeScript compiler. */
export function vultrApi({ options, env, clock }: DriverContext<VultrOptions>): RestClient {
  return new RestClient(
    {
      provider: 'Vultr',
      baseUrl: options['vultr-api-url'].replace(/\/+$/, ''),
      headers: async () => ({ authorization: `Bearer ${options['vultr-api-key'] ?? (await cliKey(env))}` }),
      // {"error": "Invalid API token.", "status": 401}
      readError: (body) => {
        const { error, status } = (body ?? {}) as { readonly error?: string; readonly status?: number };
        return { message: error, code: status === undefined ? undefined : String(status) };
      },
      // Said with status 500 while another action on the server is running.
      isBusy: ({ message }) => /currently locked/i.test(message),
      nextStep,
    },
    clock,
  );
}

function nextStep({ status, message }: RestError): { code: string; text: string } | undefined {
  if (/unauthorized ip/i.test(message))
    return { code: 'FORBIDDEN', text: 'Allow it under "Account", "API", "Access Control" in the customer portal' };
  if (status === 401)
    return {
      code: 'BAD_CREDENTIALS',
      text: 'Check the key, or make one under "Account", "API" in the customer portal',
    };
  if (status === 403) return { code: 'FORBIDDEN', text: 'The user needs the rights to manage servers and firewalls' };
  if (/capacity|not available|unavailable/i.test(message))
    return { code: 'NO_CAPACITY', text: 'Try another --vultr-region or --vultr-vps-plan' };
  if (/limit|maximum/i.test(message))
    return { code: 'QUOTA', text: 'Remove what is not needed, or ask for a higher limit in a support ticket' };
  if (status === 400 || status === 422) return { code: 'BAD_OPTIONS', text: 'Change the flag it is about' };
  if (status >= 500) return { code: 'DRIVER', text: 'See status.vultr.com and try again' };
  return undefined;
}

/** vultr-cli's own key, which is what people sign in with. */
export async function cliKey(env: DriverContext['env']): Promise<string> {
  const file = join(env.HOME || homedir(), '.vultr-cli.yaml');
  const text = (await settingsText(file)) ?? '';
  const key = /^api-key:\s*["']?([^\s"']+)/m.exec(text)?.[1];
  if (key !== undefined) return key;
  throw new DriverError(
    'there is no API key for Vultr: set VULTR_API_KEY, give --vultr-api-key, or put one into ~/.vultr-cli.yaml',
    'BAD_CREDENTIALS',
  );
}

/** All pages of a list, which is the member `key` of its answers. */
export async function pages<T>(api: RestClient, path: string, key: string, signal: AbortSignal): Promise<readonly T[]> {
  const all: T[] = [];
  for (let cursor: string | undefined = ''; cursor !== undefined; ) {
    const query: string = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    const answer: Readonly<Record<string, unknown>> & { meta?: { links?: { next?: string } } } = await api.get(
      `${path}${path.includes('?') ? '&' : '?'}per_page=500${query}`,
      signal,
    );
    all.push(...((answer[key] ?? []) as readonly T[]));
    cursor = answer.meta?.links?.next || undefined;
  }
  return all;
}
