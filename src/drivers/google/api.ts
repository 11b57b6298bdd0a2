import { randomUUID } from 'node:crypto';
import type { GoogleAuth } from 'google-auth-library';
import { reasonOf } from '../../common/errors.ts';
import { planned } from '../cloud/planned.ts';
import { pollUntil } from '../cloud/poll.ts';
import { type Method, RestClient, RestError } from '../cloud/rest.ts';
import { loadSdk } from '../cloud/sdk.ts';
import type { DriverContext, ProviderCall } from '../driver.ts';
import { DriverError } from '../errors.ts';
import { PACKAGES } from './needs.ts';
import type { GoogleOptions } from './options.ts';

/** Something Google is doing: cloud.google.com/compute/docs/reference/rest/v1/globalOperations */
interface Operation {
  readonly name: string;
  readonly status: 'PENDING' | 'RUNNING' | 'DONE';
  readonly zone?: string;
  readonly region?: string;
  readonly httpErrorStatusCode?: number;
  readonly error?: { readonly errors: readonly { readonly code: string; readonly message: string }[] };
}

const SCOPE = 'https://www.googleapis.com/auth/cloud-platform';
const OPERATION_MINUTES = 15;

/**
 * Google Compute Engine for one machine, over its REST API with Google's own authentication library. Their library for this API
 * (@google-cloud/compute 5) is 182 MB for the dozen calls needed here; this way it is 13.
 */
export class ComputeEngine {
  readonly #context: DriverContext<GoogleOptions>;
  readonly #rest: RestClient;
  #auth: Promise<GoogleAuth> | undefined;
  #project: Promise<string> | undefined;

  constructor(context: DriverContext<GoogleOptions>) {
    this.#context = context;
    const { options, clock } = context;
    this.#rest = new RestClient(
      {
        provider: 'Google Compute Engine',
        baseUrl: options['google-api-url'].replace(/\/+$/, ''),
        headers: () => this.#headers(),
        readError,
        // 403 with this reason is Google's other way of saying 429.
        isBusy: ({ code }) => code === 'rateLimitExceeded' || code === 'resourceNotReady',
        nextStep,
      },
      clock,
    );
  }

  /** `/projects/NAME` + path. */
  async path(path: string): Promise<string> {
    const given = this.#context.options['google-project'];
    this.#project ??= this.#context.lookup(() => this.#findProject(), given ?? planned('project'));
    return `/projects/${await this.#project}${path}`;
  }

  /** What is at a path of the project. */
  async get<T>(path: string, signal: AbortSignal): Promise<T> {
    return await this.#rest.get<T>(await this.path(path), signal);
  }

  /** Like {@link get}; undefined when there is no such thing. */
  async find<T>(path: string, signal: AbortSignal): Promise<T | undefined> {
    return await this.#rest.find<T>(await this.path(path), signal);
  }

  /** Looks at what belongs to another project, such as an image. */
  async findElsewhere<T>(path: string, signal: AbortSignal): Promise<T | undefined> {
    return await this.#rest.find<T>(`/projects/${path}`, signal);
  }

  /** A change; resolves when it is done. Throws with a {@link RestError} as cause when Google could not do it. */
  async change(method: Method, path: string, body: unknown, signal: AbortSignal, shown: unknown = body): Promise<void> {
    const whole = await this.path(path);
    const call: ProviderCall = {
      action: `${method} ${whole}`,
      ...(shown === undefined ? {} : { parameters: shown as Readonly<Record<string, unknown>> }),
    };
    await this.#context.change(call, () => this.#run(method, whole, body, signal), undefined);
  }

  /** Google makes the same request once, when its identifier is the same. */
  async #run(method: Method, path: string, body: unknown, signal: AbortSignal): Promise<void> {
    const separator = path.includes('?') ? '&' : '?';
    const url = `${path}${separator}requestId=${randomUUID()}`;
    await this.#finished(await this.#rest.send<Operation>(method, url, body, signal), signal);
  }

  async #finished(begun: Operation, signal: AbortSignal): Promise<void> {
    const place = placeOf(begun);
    let operation = begun;
    const look = async (): Promise<true | undefined> => {
      if (operation.status !== 'DONE')
        operation = await this.get<Operation>(`/${place}/operations/${begun.name}`, signal);
      return operation.status === 'DONE' ? true : undefined;
    };
    await pollUntil(this.#context, { what: 'Google to do it', timeoutMs: OPERATION_MINUTES * 60_000 }, look, signal);
    const [error] = operation.error?.errors ?? [];
    if (error === undefined) return;
    const answer = new RestError(operation.httpErrorStatusCode ?? 400, error.code, error.message);
    const step = nextStep(answer);
    const text = `Google Compute Engine: ${error.message.replace(/\s+/g, ' ').replace(/\.?$/, '.')}`;
    throw new DriverError(`${text} ${step?.text ?? `(${error.code})`}`, step?.code ?? 'DRIVER', answer);
  }

  async #headers(): Promise<Readonly<Record<string, string>>> {
    const auth = await this.#connect();
    try {
      return Object.fromEntries(await auth.getRequestHeaders(this.#context.options['google-api-url']));
    } catch (error) {
      throw noCredentials(error);
    }
  }

  #connect(): Promise<GoogleAuth> {
    this.#auth ??= loadSdk('google', PACKAGES, () => import('google-auth-library')).then(({ GoogleAuth }) => {
      const keyFilename = this.#context.options['google-credentials'];
      const auth = new GoogleAuth({ scopes: [SCOPE], ...(keyFilename === undefined ? {} : { keyFilename }) });
      // A service account signs for itself, without asking for a token first (google.aip.dev/auth/4111).
      auth.useJWTAccessWithScope = true;
      return auth;
    });
    return this.#auth;
  }

  async #findProject(): Promise<string> {
    const given = this.#context.options['google-project'];
    if (given !== undefined) return given;
    const auth = await this.#connect();
    const found = await auth.getProjectId().catch(() => undefined);
    if (found) return found;
    throw new DriverError(
      'no Google Cloud project is known: give --google-project, or set GOOGLE_PROJECT',
      'MISSING_OPTION',
    );
  }
}

function placeOf({ zone, region }: Operation): string {
  if (zone !== undefined) return `zones/${zone.slice(zone.lastIndexOf('/') + 1)}`;
  if (region !== undefined) return `regions/${region.slice(region.lastIndexOf('/') + 1)}`;
  return 'global';
}

function readError(body: unknown): { code?: string | undefined; message?: string | undefined } {
  type Failure = { readonly message?: string; readonly errors?: readonly { readonly reason?: string }[] };
  const { error } = (body ?? {}) as { readonly error?: Failure };
  return { code: error?.errors?.[0]?.reason, message: error?.message };
}

function nextStep({ status, code, message }: RestError): { code: string; text: string } | undefined {
  if (status === 401)
    return {
      code: 'BAD_CREDENTIALS',
      text: 'Sign in with "gcloud auth application-default login", or check --google-credentials',
    };
  if (/QUOTA|quotaExceeded|limitExceeded/i.test(code))
    return {
      code: 'QUOTA',
      text: 'Remove what is not needed, take another region, or ask for more under "Quotas" in the console',
    };
  if (/RESOURCE_POOL_EXHAUSTED|RESOURCE_NOT_READY/.test(code))
    return { code: 'NO_CAPACITY', text: 'Try another --google-zone or --google-machine-type' };
  if (code === 'accessNotConfigured' || /API has not been used|is disabled/.test(message))
    return { code: 'FORBIDDEN', text: 'Run "gcloud services enable compute.googleapis.com"' };
  if (status === 403) return { code: 'FORBIDDEN', text: 'The account needs the role "Compute Admin" in the project' };
  if (status === 400) return { code: 'BAD_OPTIONS', text: 'Change the flag it is about' };
  if (status >= 500) return { code: 'DRIVER', text: 'See status.cloud.google.com and try again' };
  return undefined;
}

function noCredentials(error: unknown): DriverError {
  const reason = reasonOf(error).replace(/\.$/, '');
  return new DriverError(
    `no access to Google Cloud: ${reason}. Sign in with "gcloud auth application-default login", or give --google-credentials`,
    'BAD_CREDENTIALS',
    error,
  );
}
