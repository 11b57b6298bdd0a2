import { configFile, parseSettings } from '../cloud/config-file.ts';
import { RestClient, type RestError } from '../cloud/rest.ts';
import type { DriverContext } from '../driver.ts';
import { DriverError } from '../errors.ts';
import type { ScalewayOptions } from './options.ts';

type Context = DriverContext<ScalewayOptions>;

/** Shapes of Scaleway's Instance API version 1, as far as they are read: www.scaleway.com/en/developers/api/instances */
export interface Server {
  readonly id: string;
  readonly name: string;
  readonly state: string;
  readonly commercial_type: string;
  readonly zone: string;
  readonly tags: readonly string[];
  readonly public_ips: readonly { readonly address: string; readonly family: 'inet' | 'inet6' }[];
  readonly private_nics: readonly { readonly id: string; readonly private_network_id: string }[];
  readonly volumes: Readonly<Record<string, { readonly id: string; readonly volume_type: string }>>;
}

/** A client of Scaleway's APIs. Our own: the provider's libraries (@scaleway/sdk-client 2.3) need Node 20.19.6 or newer. */
export function scalewayApi({ options, env, clock }: Context): RestClient {
  return new RestClient(
    {
      provider: 'Scaleway',
      baseUrl: options['scaleway-api-url'].replace(/\/+$/, ''),
      headers: async () => ({ 'x-auth-token': options['scaleway-token'] ?? (await profileValue(env, 'secret_key')) }),
      readError,
      // "transient_state": another action on it is running.
      isBusy: ({ code }) => code === 'transient_state',
      nextStep,
    },
    clock,
  );
}

/** `{"type": "quotas_exceeded", "message": "…", "details": [{"resource": "…", "quota": 2, "current": 2}]}` */
function readError(body: unknown): { code?: string | undefined; message?: string | undefined } {
  type Detail = Readonly<Record<string, unknown>>;
  const { type, message, reason, details, fields } = (body ?? {}) as {
    readonly type?: string;
    readonly message?: string;
    readonly reason?: string;
    readonly details?: readonly Detail[];
    readonly fields?: Readonly<Record<string, readonly string[]>>;
  };
  const told = (details ?? []).map((each) => Object.values(each).join(' '));
  const wrong = Object.entries(fields ?? {}).map(([field, texts]) => `${field}: ${texts.join(', ')}`);
  const texts = [message ?? type?.replaceAll('_', ' '), reason, ...told, ...wrong];
  const said = texts.filter((text) => text !== undefined && text !== '');
  return { code: type, message: said.length === 0 ? undefined : said.join('; ') };
}

const NEXT_STEPS: Readonly<Record<string, { readonly code: string; readonly text: string }>> = {
  denied_authentication: {
    code: 'BAD_CREDENTIALS',
    text: 'Check the secret key, or make another API key under "IAM" in the console',
  },
  permissions_denied: {
    code: 'FORBIDDEN',
    text: 'The API key needs the permission sets InstancesFullAccess, BlockStorageFullAccess, PrivateNetworksReadOnly and IPAMReadOnly in the project',
  },
  quotas_exceeded: { code: 'QUOTA', text: 'Remove what is not needed, or ask for more under "Quotas" in the console' },
  out_of_stock: {
    code: 'NO_CAPACITY',
    text: 'Try another --scaleway-zone or --scaleway-commercial-type',
  },
  invalid_arguments: { code: 'BAD_OPTIONS', text: 'Change the flag it is about' },
  invalid_request_error: { code: 'BAD_OPTIONS', text: 'Change the flag it is about' },
};

function nextStep({ code, status }: RestError): { code: string; text: string } | undefined {
  if (status >= 500) return { code: 'DRIVER', text: 'See status.scaleway.com and try again' };
  const byStatus = status === 401 ? 'denied_authentication' : status === 403 ? 'permissions_denied' : '';
  return NEXT_STEPS[code] ?? NEXT_STEPS[byStatus];
}

/** The project things are made in; rejects when none was given. */
export async function projectOf({ options, env }: Context): Promise<string> {
  return options['scaleway-project-id'] ?? (await profileValue(env, 'default_project_id'));
}

const MISSING = {
  secret_key: 'secret key for Scaleway: set SCW_SECRET_KEY, give --scaleway-token, or run "scw init"',
  default_project_id: 'project at Scaleway: set SCW_DEFAULT_PROJECT_ID, give --scaleway-project-id, or run "scw init"',
} as const;

/** A value of scw's active profile, which is what people sign in with. */
export async function profileValue(env: Context['env'], key: keyof typeof MISSING): Promise<string> {
  type Profile = Partial<Readonly<Record<keyof typeof MISSING, string>>>;
  type Config = Profile & { readonly active_profile?: string; readonly profiles?: Readonly<Record<string, Profile>> };
  const text = (await configFile(env, 'scw', 'config.yaml')) ?? '';
  const config = (parseSettings("scw's config.yaml", text) ?? {}) as Config;
  const profile = config.profiles?.[env.SCW_PROFILE ?? config.active_profile ?? ''];
  const value = profile?.[key] ?? config[key];
  if (typeof value === 'string' && value !== '') return value;
  throw new DriverError(`there is no ${MISSING[key]}`, 'BAD_CREDENTIALS');
}

/** All pages of a list of the Instance API, which is the member `key` of its answers. */
export async function pages<T>(api: RestClient, path: string, key: string, signal: AbortSignal): Promise<readonly T[]> {
  const all: T[] = [];
  for (let page = 1; ; page += 1) {
    // "per_page" is the Instance API's, "page_size" that of the others; each ignores the other one.
    const query = `per_page=${PAGE}&page_size=${PAGE}&page=${page}`;
    const answer = await api.get<Readonly<Record<string, readonly T[]>>>(
      `${path}${path.includes('?') ? '&' : '?'}${query}`,
      signal,
    );
    const found = answer[key] ?? [];
    all.push(...found);
    if (found.length < PAGE) return all;
  }
}

const PAGE = 100;
