import type { WebFetch } from '../../common/web.ts';
import { RestClient, statusOf } from '../cloud/rest.ts';
import { notOffered } from '../cloud/suggest.ts';
import type { DriverContext } from '../driver.ts';
import { DriverError } from '../errors.ts';
import { nextStep, readError } from './errors.ts';
import type { OpenStackOptions } from './options.ts';
import { providerAt, readSettings, type Settings } from './settings.ts';

type Context = DriverContext<OpenStackOptions>;

interface Endpoint {
  readonly interface: string;
  readonly region?: string;
  readonly region_id?: string;
  readonly url: string;
}

interface Service {
  readonly type: string;
  readonly endpoints: readonly Endpoint[];
}

interface Token {
  readonly expires_at: string;
  readonly catalog: readonly Service[];
  readonly project?: { readonly id: string };
}

interface SignedIn {
  readonly settings: Settings;
  readonly id: string;
  readonly token: Token;
}

/** Types in the catalog of what our paths call `compute` and so on, and the version its paths are of. */
const SERVICES: Readonly<Record<string, { readonly types: readonly string[]; readonly version: string }>> = {
  compute: { types: ['compute'], version: '/v2.1' },
  network: { types: ['network'], version: '/v2.0' },
  image: { types: ['image'], version: '/v2' },
  volume: { types: ['block-storage', 'volumev3', 'volume'], version: '/v3' },
};

/** A server's flavor is in its description since this one of Nova's microversions. */
export const FLAVOR_IN_SERVER = '2.47';
const OLDEST = '2.1';
/** A token that ends so soon is not used any more. */
const MARGIN_MS = 60_000;

/** Signed in at Keystone: the token, and where the services are. Signs in when it has to, and again when the token has ended. */
export class Session {
  readonly #context: Context;
  /** Without a token: for Keystone itself and for what a service says of its versions. */
  readonly #plain: RestClient;
  #signedIn: Promise<SignedIn> | undefined;
  #settings: Promise<Settings> | undefined;
  #microversion: Promise<string> | undefined;

  constructor(context: Context) {
    this.#context = context;
    this.#plain = new RestClient(
      {
        provider: 'OpenStack',
        baseUrl: '',
        headers: async (path, signal) =>
          path.endsWith('/auth/tokens') ? {} : { 'x-auth-token': (await this.#current(signal)).id },
        readError,
        nextStep,
        fetch: this.fetch,
      },
      context.clock,
    );
  }

  readonly fetch: WebFetch = async (input, init) => (await this.#given()).fetch(input, init);

  /** Headers of a request at `/SERVICE/…`. */
  async headers(path: string, signal: AbortSignal): Promise<Readonly<Record<string, string>>> {
    const token = { 'x-auth-token': (await this.#current(signal)).id };
    if (!path.startsWith('/compute/')) return token;
    const version = await this.microversion(signal);
    // The first is for services since 2016, the second for older ones.
    return { ...token, 'openstack-api-version': `compute ${version}`, 'x-openstack-nova-api-version': version };
  }

  /** The URL of `/SERVICE/…`, as the catalog has it for the region. */
  async locate(path: string, signal: AbortSignal): Promise<string> {
    const [, service = '', rest = ''] = /^\/(\w+)(\/.*)$/.exec(path) ?? [];
    return `${await this.#base(service, signal)}${rest}`;
  }

  /** Forgets the token, which was refused. */
  renew(): boolean {
    this.#signedIn = undefined;
    return true;
  }

  /** The provider, where the address of its Keystone tells it. */
  async provider(): Promise<string | undefined> {
    return providerAt((await this.#given()).authUrl);
  }

  /** The region in use. */
  async region(signal: AbortSignal): Promise<string> {
    const { settings, token } = await this.#current(signal);
    return regionOf(settings, token);
  }

  /** ID of the project the token is for. */
  async project(signal: AbortSignal): Promise<string | undefined> {
    return (await this.#current(signal)).token.project?.id;
  }

  /** The microversion that Nova is spoken to in: {@link FLAVOR_IN_SERVER}, or the first where Nova is older. */
  microversion(signal: AbortSignal): Promise<string> {
    this.#microversion ??= this.#agreed(signal).catch((error: unknown) => {
      this.#microversion = undefined;
      throw error;
    });
    return this.#microversion;
  }

  async #agreed(signal: AbortSignal): Promise<string> {
    // Some catalogs have the project's ID behind the version.
    const root = (await this.#base('compute', signal)).replace(/(\/v2(\.\d+)?)\/.*$/, '$1');
    type Document = { readonly version?: { readonly version?: string } };
    const document = await this.#plain.get<Document | undefined>(`${root}/`, signal).catch((error: unknown) => {
      if (statusOf(error) === undefined) throw error;
      return undefined;
    });
    const minor = Number(/^2\.(\d+)$/.exec(document?.version?.version ?? '')?.[1] ?? 0);
    return minor >= Number(FLAVOR_IN_SERVER.slice(2)) ? FLAVOR_IN_SERVER : OLDEST;
  }

  async #base(service: string, signal: AbortSignal): Promise<string> {
    const { settings, token } = await this.#current(signal);
    const { types, version } = SERVICES[service] ?? { types: [service], version: '' };
    const region = regionOf(settings, token);
    const all = types.flatMap((type) => token.catalog.filter((each) => each.type === type));
    const endpoint = all
      .flatMap(({ endpoints }) => endpoints)
      .find((each) => each.interface === settings.endpoints && regionIn(each) === region);
    if (endpoint === undefined)
      throw new DriverError(
        `the catalog has no ${settings.endpoints} endpoint of the service ${service} in ${region}. See "openstack catalog list", and try another --openstack-endpoint-type`,
        'BAD_OPTIONS',
      );
    const url = endpoint.url.replace(/\/+$/, '');
    return /\/v\d+(\.\d+)?(\/|$)/.test(new URL(url).pathname) ? url : `${url}${version}`;
  }

  async #current(signal: AbortSignal): Promise<SignedIn> {
    const known = await this.#signedIn;
    if (known !== undefined && Date.parse(known.token.expires_at) - MARGIN_MS > this.#context.clock.now()) return known;
    this.#signedIn = this.#signIn(signal);
    this.#signedIn.catch(() => {
      this.#signedIn = undefined;
    });
    return await this.#signedIn;
  }

  async #signIn(signal: AbortSignal): Promise<SignedIn> {
    const settings = await this.#given();
    const url = `${settings.authUrl}/auth/tokens`;
    const { content, headers } = await this.#plain.exchange<{ readonly token: Token }>(
      'POST',
      url,
      { auth: settings.auth },
      signal,
    );
    const id = headers.get('x-subject-token');
    if (id === null || content?.token === undefined)
      throw new DriverError(`${url} gives no token: it is no Keystone of version 3. Check the URL`, 'BAD_OPTIONS');
    return { settings, id, token: { ...content.token, catalog: content.token.catalog ?? [] } };
  }

  #given(): Promise<Settings> {
    this.#settings ??= readSettings(this.#context);
    return this.#settings;
  }
}

function regionIn({ region, region_id }: Endpoint): string {
  return region_id ?? region ?? '';
}

function regionOf({ region: given, endpoints }: Settings, { catalog }: Token): string {
  const compute = catalog.filter(({ type }) => type === 'compute').flatMap((service) => service.endpoints);
  const offered = [...new Set(compute.filter((each) => each.interface === endpoints).map(regionIn))].sort();
  if (given !== undefined && !offered.includes(given))
    throw notOffered({ provider: 'OpenStack', what: 'region', given, offered });
  const [region, ...others] = given === undefined ? offered : [given];
  if (region !== undefined && others.length === 0) return region;
  throw new DriverError(
    offered.length === 0
      ? `the catalog has no ${endpoints} endpoint of Nova. Check project and --openstack-endpoint-type`
      : `the cloud has several regions: ${offered.join(', ')}. Give --openstack-region`,
    'BAD_OPTIONS',
  );
}
