import type { EC2, EC2ClientConfig } from '@aws-sdk/client-ec2';
import { loadSdk } from '../cloud/sdk.ts';
import type { DriverContext, ProviderCall } from '../driver.ts';
import { explained } from './errors.ts';
import { PACKAGES } from './needs.ts';
import type { Ec2Options } from './options.ts';

/** Last argument of every call of the SDK. */
export type SendOptions = { readonly abortSignal: AbortSignal };

/** EC2 for one machine: the SDK loaded on first use, errors explained, changes through the context. */
export class Ec2Client {
  readonly region: string;
  readonly #context: Pick<DriverContext<Ec2Options>, 'options' | 'change'>;
  #api: Promise<EC2> | undefined;

  constructor(context: Pick<DriverContext<Ec2Options>, 'options' | 'change'>) {
    this.#context = context;
    this.region = context.options['amazonec2-region'];
  }

  /** A call that changes nothing. */
  async read<T>(call: (api: EC2, options: SendOptions) => Promise<T>, abortSignal: AbortSignal): Promise<T> {
    abortSignal.throwIfAborted();
    this.#api ??= this.#connect();
    const api = await this.#api;
    try {
      return await call(api, { abortSignal });
    } catch (error) {
      abortSignal.throwIfAborted();
      throw explained(error, this.region);
    }
  }

  /** A call that changes something; `planned` is what a dry run goes on with. */
  async change<T>(
    call: ProviderCall,
    make: (api: EC2, options: SendOptions) => Promise<T>,
    planned: NoInfer<T>,
    signal: AbortSignal,
  ): Promise<T> {
    return await this.#context.change(call, () => this.read(make, signal), planned);
  }

  /** Ends connections; the client connects again when it is used again. */
  async close(): Promise<void> {
    const api = this.#api;
    this.#api = undefined;
    (await api?.catch(() => undefined))?.destroy();
  }

  async #connect(): Promise<EC2> {
    // Its notice about coming versions of Node.js is for developers, not for a person at a terminal.
    process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';
    const sdk = await loadSdk('amazonec2', PACKAGES, () => import('@aws-sdk/client-ec2'));
    return new sdk.EC2(clientConfig(this.#context.options));
  }
}

/** Flags and environment win; without a key the SDK looks in profiles, single sign-on, containers and the instance itself. */
function clientConfig(options: Ec2Options): EC2ClientConfig {
  const accessKeyId = options['amazonec2-access-key'];
  const secretAccessKey = options['amazonec2-secret-key'];
  const sessionToken = options['amazonec2-session-token'];
  const endpoint = endpointOf(options);
  const profile = options['amazonec2-profile'];
  return {
    region: options['amazonec2-region'],
    maxAttempts: options['amazonec2-retries'] + 1,
    retryMode: 'standard',
    // A call to EC2 takes a second or two; one that hangs is better repeated.
    requestHandler: { connectionTimeout: 10_000, requestTimeout: 60_000 },
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(profile === undefined ? {} : { profile }),
    ...(accessKeyId === undefined || secretAccessKey === undefined
      ? {}
      : { credentials: { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) } }),
  };
}

function endpointOf(options: Ec2Options): string | undefined {
  const given = options['amazonec2-endpoint'];
  if (given === undefined || /^https?:\/\//.test(given)) return given;
  return `${options['amazonec2-insecure-transport'] ? 'http' : 'https'}://${given}`;
}
