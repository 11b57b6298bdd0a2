import { configFile } from '../cloud/config-file.ts';
import { RestClient, type RestError } from '../cloud/rest.ts';
import type { DriverContext } from '../driver.ts';
import { DriverError } from '../errors.ts';
import type { DigitalOceanOptions } from './options.ts';

/** Shapes of DigitalOcean's API, as far as they are read: docs.digitalocean.com/reference/api */
export interface Droplet {
  readonly id: number;
  readonly name: string;
  readonly status: 'new' | 'active' | 'off' | 'archive';
  readonly size_slug: string;
  readonly region: { readonly slug: string };
  readonly networks: { readonly v4: readonly { readonly ip_address: string; readonly type: 'public' | 'private' }[] };
}

export interface SshKey {
  readonly id: number;
  readonly name: string;
  readonly public_key: string;
  readonly fingerprint: string;
}

export interface Firewall {
  readonly id: string;
  readonly name: string;
}

/**
 * A client of DigitalOcean's API. Our own: the provider's library (@digitalocean/dots 1.19) cannot read a Droplet with tags and
 * sends every field of a creation twice.
 */
export function digitalOcean({ options, env, clock }: DriverContext<DigitalOceanOptions>): RestClient {
  return new RestClient(
    {
      provider: 'DigitalOcean',
      baseUrl: options['digitalocean-api-url'].replace(/\/+$/, ''),
      headers: async () => ({
        authorization: `Bearer ${options['digitalocean-access-token'] ?? (await doctlToken(env))}`,
      }),
      readError: (body) => {
        const { id, message } = (body ?? {}) as { readonly id?: string; readonly message?: string };
        return { code: id, message };
      },
      // "Droplet already has a pending event": an action is under way.
      isBusy: ({ status, message }) => status === 422 && /pending event/i.test(message),
      nextStep,
    },
    clock,
  );
}

function nextStep({ status, message }: RestError): { code: string; text: string } | undefined {
  if (status === 401)
    return { code: 'BAD_CREDENTIALS', text: 'Check the token, or make one under "API" in the control panel' };
  if (/limit/i.test(message) && status === 422)
    return { code: 'QUOTA', text: 'Remove what is not needed, or ask for a higher limit in the control panel' };
  if (status === 403)
    return { code: 'FORBIDDEN', text: 'The token needs read and write scope for droplet, firewall, ssh_key and tag' };
  if (status === 422) return { code: 'BAD_OPTIONS', text: 'Change the flag it is about' };
  if (status >= 500) return { code: 'DRIVER', text: 'See status.digitalocean.com and try again' };
  return undefined;
}

/** doctl's own token, which is what people sign in with. */
export async function doctlToken(env: DriverContext['env']): Promise<string> {
  const token = /^access-token:\s*["']?([\w-]+)/m.exec((await configFile(env, 'doctl', 'config.yaml')) ?? '')?.[1];
  if (token !== undefined) return token;
  throw new DriverError(
    'there is no token for DigitalOcean: set DIGITALOCEAN_ACCESS_TOKEN, give --digitalocean-access-token, or run "doctl auth init"',
    'BAD_CREDENTIALS',
  );
}
