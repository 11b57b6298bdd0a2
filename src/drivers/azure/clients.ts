import { readFile } from 'node:fs/promises';
import type { ComputeManagementClient } from '@azure/arm-compute';
import type { NetworkManagementClient } from '@azure/arm-network';
import type { ResourceManagementClient } from '@azure/arm-resources';
import type { TokenCredential } from '@azure/identity';
import { reasonOf, UsageError } from '../../common/errors.ts';
import { pollUntil } from '../cloud/poll.ts';
import { loadSdk } from '../cloud/sdk.ts';
import type { DriverContext, ProviderCall } from '../driver.ts';
import { azureCode, azureStatus, explained } from './errors.ts';
import { PACKAGES } from './needs.ts';
import type { AzureOptions } from './options.ts';

/** The parts of Azure's API a machine needs. */
export interface AzureClients {
  readonly compute: ComputeManagementClient;
  readonly network: NetworkManagementClient;
  readonly resources: ResourceManagementClient;
}

/** A long operation of Azure. */
interface Operation {
  poll(options?: { readonly abortSignal?: AbortSignal }): Promise<unknown>;
  isDone(): boolean;
}

type SendOptions = { readonly abortSignal: AbortSignal };
type Call<T> = (clients: AzureClients, options: SendOptions) => Promise<T>;

const OPERATION_MINUTES = 20;

/** Resource manager and login service of each cloud. */
const CLOUDS: Readonly<Record<string, { readonly endpoint: string; readonly authority: string }>> = {
  AzurePublicCloud: { endpoint: 'https://management.azure.com', authority: 'https://login.microsoftonline.com' },
  AzureUSGovernmentCloud: {
    endpoint: 'https://management.usgovcloudapi.net',
    authority: 'https://login.microsoftonline.us',
  },
  AzureChinaCloud: { endpoint: 'https://management.chinacloudapi.cn', authority: 'https://login.chinacloudapi.cn' },
};

/** Azure for one machine: the SDKs loaded on first use, errors explained, changes through the context. */
export class Azure {
  readonly #context: DriverContext<AzureOptions>;
  #clients: Promise<AzureClients> | undefined;

  constructor(context: DriverContext<AzureOptions>) {
    this.#context = context;
  }

  /** A call that changes nothing. */
  async read<T>(call: Call<T>, abortSignal: AbortSignal): Promise<T> {
    abortSignal.throwIfAborted();
    this.#clients ??= connect(this.#context.options);
    try {
      return await call(await this.#clients, { abortSignal });
    } catch (error) {
      abortSignal.throwIfAborted();
      throw error instanceof UsageError ? error : explained(error);
    }
  }

  /** Like {@link read}; undefined when there is no such thing. */
  async find<T>(call: Call<T>, signal: AbortSignal): Promise<T | undefined> {
    return await this.read(call, signal).catch((error: unknown) => {
      if (azureStatus(error) === 404) return undefined;
      throw error;
    });
  }

  /** A change that takes time; resolves when it is done. */
  async change(call: ProviderCall, begin: Call<Operation>, signal: AbortSignal): Promise<void> {
    await this.#context.change(call, () => this.#run(call.action, begin, signal), undefined);
  }

  /** Deletes what `find` finds; false when there was nothing. */
  async delete(call: ProviderCall, find: Call<unknown>, begin: Call<Operation>, signal: AbortSignal): Promise<boolean> {
    const wait = { what: call.action, timeoutMs: OPERATION_MINUTES * 60_000, everyMs: 10_000 };
    const attempt = async (): Promise<boolean | undefined> => {
      if ((await this.find(find, signal)) === undefined) return false;
      try {
        await this.#run(call.action, begin, signal);
        return true;
      } catch (error) {
        // A network card stays reserved for three minutes for a virtual machine that could not be made.
        if (/InUse|NicReserved|AnotherOperationInProgress|RetryableError/.test(azureCode(error) ?? ''))
          return undefined;
        throw error;
      }
    };
    const make = (): Promise<boolean> => pollUntil(this.#context, wait, attempt, signal);
    return await this.#context.change(call, make, true);
  }

  async #run(what: string, begin: Call<Operation>, signal: AbortSignal): Promise<void> {
    const operation = await this.read(begin, signal);
    const look = async (): Promise<true | undefined> => {
      if (!operation.isDone()) await this.read((_clients, options) => operation.poll(options), signal);
      return operation.isDone() ? true : undefined;
    };
    await pollUntil(this.#context, { what, timeoutMs: OPERATION_MINUTES * 60_000 }, look, signal);
  }
}

async function connect(options: AzureOptions): Promise<AzureClients> {
  const [compute, network, resources] = await loadSdk('azure', PACKAGES, () =>
    Promise.all([import('@azure/arm-compute'), import('@azure/arm-network'), import('@azure/arm-resources')]),
  );
  const cloud = CLOUDS[options['azure-environment']];
  const endpoint = options['azure-endpoint'] ?? cloud?.endpoint ?? '';
  const subscription = options['azure-subscription-id'];
  const ca = await ownCertificates(options['azure-ca-file']);
  const common = {
    endpoint,
    credentialScopes: [`${endpoint}/.default`],
    retryOptions: { maxRetries: 5, retryDelayInMs: 500, maxRetryDelayInMs: 30_000 },
    ...(ca === undefined ? {} : { tlsOptions: { ca } }),
  };
  const credential = await credentialOf(options, ca);
  return {
    compute: new compute.ComputeManagementClient(credential, subscription, common),
    network: new network.NetworkManagementClient(credential, subscription, common),
    resources: new resources.ResourceManagementClient(credential, subscription, common),
  };
}

/** A service principal when one is given, else Azure's own chain: environment, workload and managed identity, az, azd. */
async function credentialOf(options: AzureOptions, ca: string | undefined): Promise<TokenCredential> {
  const identity = await loadSdk('azure', PACKAGES, () => import('@azure/identity'));
  const { 'azure-tenant-id': tenant, 'azure-client-id': client, 'azure-client-secret': secret } = options;
  const own = options['azure-authority'];
  const authorityHost = own ?? CLOUDS[options['azure-environment']]?.authority ?? '';
  const common = {
    authorityHost,
    // Only Microsoft's own login services are listed for discovery.
    disableInstanceDiscovery: own !== undefined,
    ...(ca === undefined ? {} : { tlsOptions: { ca } }),
  };
  if (tenant !== undefined && client !== undefined && secret !== undefined)
    return new identity.ClientSecretCredential(tenant, client, secret, common);
  return new identity.DefaultAzureCredential({ ...common, ...(tenant === undefined ? {} : { tenantId: tenant }) });
}

async function ownCertificates(file: string | undefined): Promise<string | undefined> {
  if (file === undefined) return undefined;
  return await readFile(file, 'utf8').catch((error: unknown) => {
    throw new UsageError(`--azure-ca-file "${file}" cannot be read: ${reasonOf(error)}`);
  });
}
