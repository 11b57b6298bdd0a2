import { readFile } from 'node:fs/promises';
import { reasonOf } from '../../common/errors.ts';
import { fetchWeb, type WebFetch, webFetch } from '../../common/web.ts';
import { expandHome } from '../cloud/key-files.ts';
import type { DriverContext } from '../driver.ts';
import { DriverError } from '../errors.ts';
import { type CloudSection, readCloud } from './clouds-file.ts';
import type { OpenStackOptions } from './options.ts';

/** Who asks and where, put together from flags, environment and clouds.yaml. */
export interface Settings {
  /** With `/v3`, without a slash at the end. */
  readonly authUrl: string;
  /** The body of `POST /v3/auth/tokens`: docs.openstack.org/api-ref/identity/v3. */
  readonly auth: Readonly<Record<string, unknown>>;
  readonly region: string | undefined;
  readonly endpoints: string;
  /** With the cloud's own authority, when there is one. */
  readonly fetch: WebFetch;
}

type Env = Readonly<Record<string, string | undefined>>;
type Access = Readonly<Record<string, string | undefined>>;

/** Reads them; rejects with a {@link DriverError} that says what is missing. */
export async function readSettings({
  options,
  env,
}: Pick<DriverContext<OpenStackOptions>, 'options' | 'env'>): Promise<Settings> {
  const given = accessOf(options);
  const named = options['openstack-cloud'];
  const isComplete = named === undefined && given.auth_url !== undefined;
  const cloud: CloudSection = isComplete ? {} : ((await readCloud(named, env)) ?? {});
  const access = ofType(cloud.auth_type ?? env.OS_AUTH_TYPE, accessWith(given, cloud.auth ?? {}));
  if (access.auth_url === undefined) throw missing('URL of Keystone', 'OS_AUTH_URL', '--openstack-auth-url');
  const endpoints = options['openstack-endpoint-type'] ?? cloud.interface ?? cloud.endpoint_type ?? 'public';
  return {
    authUrl: `${access.auth_url.replace(/\/+$/, '').replace(/\/v(2\.0|3)$/, '')}/v3`,
    auth: { identity: identityOf(access), ...scopeOf(access) },
    region: options['openstack-region'] ?? cloud.region_name,
    endpoints: endpoints.replace(/URL$/, ''),
    fetch: await fetchOf(
      env,
      options['openstack-cacert'] ?? cloud.cacert,
      options['openstack-insecure'] || cloud.verify === false,
    ),
  };
}

function accessOf(options: OpenStackOptions): Access {
  const all: Access = {
    auth_url: options['openstack-auth-url'],
    username: options['openstack-username'],
    user_id: options['openstack-user-id'],
    password: options['openstack-password'],
    user_domain_name: options['openstack-user-domain-name'],
    user_domain_id: options['openstack-user-domain-id'],
    project_name: options['openstack-tenant-name'],
    project_id: options['openstack-tenant-id'],
    project_domain_name: options['openstack-tenant-domain-name'],
    project_domain_id: options['openstack-tenant-domain-id'],
    domain_name: options['openstack-domain-name'],
    domain_id: options['openstack-domain-id'],
    application_credential_id: options['openstack-application-credential-id'],
    application_credential_name: options['openstack-application-credential-name'],
    application_credential_secret: options['openstack-application-credential-secret'],
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

/** Words for one thing: who says one of them says all. */
const ONE_THING: readonly (readonly string[])[] = [
  ['username', 'user_id'],
  ['user_domain_name', 'user_domain_id'],
  ['project_name', 'project_id', 'tenant_name', 'tenant_id'],
  ['project_domain_name', 'project_domain_id'],
  ['domain_name', 'domain_id'],
  ['application_credential_id', 'application_credential_name'],
];

/**
 * The file before flags and environment, also where it says the same by another word: a project's ID left in the environment is of another
 * account than the project's name in the file.
 */
function accessWith(given: Access, file: Access): Access {
  const covered = ONE_THING.filter((words) => words.some((word) => file[word] !== undefined)).flat();
  if (file.password !== undefined) covered.push('application_credential_secret');
  if (file.application_credential_secret !== undefined) covered.push('password');
  return { ...Object.fromEntries(Object.entries(given).filter(([word]) => !covered.includes(word))), ...file };
}

/** Access with a password or with an application credential alone: `type` is openstacksdk's `auth_type`. */
function ofType(type: string | undefined, access: Access): Access {
  const { password, application_credential_secret: secret, ...rest } = access;
  if (/^(v3)?password$/.test(type ?? '') && password !== undefined) return { ...rest, password };
  if (/^(v3)?applicationcredential$/.test(type ?? '') && secret !== undefined)
    return { ...rest, application_credential_secret: secret };
  if (password === undefined || secret === undefined) return access;
  throw new DriverError(
    'there are a password and an application credential for OpenStack: unset one of OS_PASSWORD and OS_APPLICATION_CREDENTIAL_SECRET, or set OS_AUTH_TYPE to password or v3applicationcredential',
    'BAD_CREDENTIALS',
  );
}

function identityOf(access: Access): Readonly<Record<string, unknown>> {
  const { application_credential_secret: secret, application_credential_id: id } = access;
  if (secret !== undefined) {
    if (id === undefined && access.application_credential_name === undefined)
      throw missing('application credential', 'OS_APPLICATION_CREDENTIAL_ID', '--openstack-application-credential-id');
    const credential = id === undefined ? { name: access.application_credential_name, user: userOf(access) } : { id };
    return { methods: ['application_credential'], application_credential: { ...credential, secret } };
  }
  if (access.password === undefined) throw missing('password', 'OS_PASSWORD', '--openstack-password');
  return { methods: ['password'], password: { user: { ...userOf(access), password: access.password } } };
}

function userOf(access: Access): Readonly<Record<string, unknown>> {
  if (access.user_id !== undefined) return { id: access.user_id };
  if (access.username === undefined) throw missing('user', 'OS_USERNAME', '--openstack-username');
  return { name: access.username, domain: domainOf(access.user_domain_id, access.user_domain_name, access) };
}

/** An application credential is for one project, which must not be named. */
function scopeOf(access: Access): Readonly<Record<string, unknown>> {
  if (access.application_credential_secret !== undefined) return {};
  const { project_id: id = access.tenant_id, project_name: name = access.tenant_name } = access;
  if (id !== undefined) return { scope: { project: { id } } };
  if (name === undefined) throw missing('project', 'OS_PROJECT_NAME', '--openstack-tenant-name');
  return {
    scope: { project: { name, domain: domainOf(access.project_domain_id, access.project_domain_name, access) } },
  };
}

function domainOf(id: string | undefined, name: string | undefined, { domain_id, domain_name }: Access): unknown {
  if (id !== undefined) return { id };
  if (name !== undefined) return { name };
  if (domain_id !== undefined) return { id: domain_id };
  // Keystone's first domain has this ID everywhere.
  return domain_name === undefined ? { id: 'default' } : { name: domain_name };
}

function missing(what: string, variable: string, flag: string): DriverError {
  const text = `there is no ${what} for OpenStack: set ${variable}, give ${flag}, or name a cloud of clouds.yaml with OS_CLOUD`;
  return new DriverError(text, 'BAD_CREDENTIALS');
}

async function fetchOf(env: Env, file: string | undefined, isInsecure: boolean): Promise<WebFetch> {
  if (file === undefined && !isInsecure) return fetchWeb;
  if (file === undefined || isInsecure) return webFetch(env, { rejectUnauthorized: false });
  const ca = await readFile(expandHome(file), 'utf8').catch((error: unknown) => {
    throw new DriverError(`the certificate "${file}" cannot be read: ${reasonOf(error)}`, 'BAD_OPTIONS', error);
  });
  return webFetch(env, { ca });
}

/** Providers with an OpenStack that are known by Keystone's host. Their machines are told apart from those at other OpenStacks, and have prices. */
const PROVIDERS: readonly (readonly [host: RegExp, provider: string])[] = [
  [/(?:^|\.)cloud\.ovh\.(?:net|us|ca)$/, 'ovhcloud'],
];

/** The provider whose Keystone is at that URL; undefined where it is not known. */
export function providerAt(authUrl: string): string | undefined {
  const host = URL.canParse(authUrl) ? new URL(authUrl).hostname : '';
  return PROVIDERS.find(([pattern]) => pattern.test(host))?.[1];
}
