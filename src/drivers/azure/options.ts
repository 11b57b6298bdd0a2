import { portProblem } from '../cloud/ports.ts';
import type { DriverOption, OptionValues, ValuesOf } from '../options.ts';

/** Flags of `azure`: docker-machine's, with defaults that exist. */
const OPTIONS = [
  {
    flag: 'azure-subscription-id',
    type: 'string',
    help: 'the Azure subscription',
    env: ['AZURE_SUBSCRIPTION_ID'],
    isRequired: true,
    problem: (value) =>
      /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(String(value))
        ? undefined
        : 'is no ID like 00000000-0000-0000-0000-000000000000',
  },
  {
    flag: 'azure-tenant-id',
    type: 'string',
    help: 'tenant (directory) of the service principal',
    env: ['AZURE_TENANT_ID'],
  },
  {
    flag: 'azure-client-id',
    type: 'string',
    help: "service principal; without one Azure's usual places are looked in, az login's among them",
    env: ['AZURE_CLIENT_ID'],
  },
  {
    flag: 'azure-client-secret',
    type: 'string',
    help: "the service principal's secret",
    env: ['AZURE_CLIENT_SECRET'],
    isSecret: true,
  },
  {
    flag: 'azure-environment',
    type: 'string',
    help: 'Azure cloud',
    env: ['AZURE_ENVIRONMENT'],
    default: 'AzurePublicCloud',
    choices: ['AzurePublicCloud', 'AzureUSGovernmentCloud', 'AzureChinaCloud'],
  },
  {
    flag: 'azure-resource-group',
    type: 'string',
    help: 'existing resource group; without one, each machine has its own',
    env: ['AZURE_RESOURCE_GROUP'],
  },
  { flag: 'azure-location', type: 'string', help: 'region', env: ['AZURE_LOCATION'], default: 'westus2' },
  { flag: 'azure-zone', type: 'string', help: 'availability zone', choices: ['1', '2', '3'] },
  {
    flag: 'azure-size',
    type: 'string',
    help: 'size of the virtual machine',
    env: ['AZURE_SIZE'],
    default: 'Standard_B2s',
  },
  {
    flag: 'azure-image',
    type: 'string',
    help: 'image: publisher:offer:sku:version, or the ID of one of your own',
    env: ['AZURE_IMAGE'],
    default: 'Canonical:ubuntu-24_04-lts:server:latest',
    problem: (value) =>
      /^(\/.+|[^:]+:[^:]+:[^:]+:[^:]+)$/.test(String(value))
        ? undefined
        : 'is no image like publisher:offer:sku:version',
  },
  {
    flag: 'azure-storage-type',
    type: 'string',
    help: 'type of the disk',
    env: ['AZURE_STORAGE_TYPE'],
    default: 'StandardSSD_LRS',
  },
  {
    flag: 'azure-vnet',
    type: 'string',
    help: 'existing virtual network, [group:]name; without one, each machine has its own',
    env: ['AZURE_VNET'],
  },
  { flag: 'azure-subnet', type: 'string', help: 'subnet', env: ['AZURE_SUBNET'], default: 'docker-machine' },
  {
    flag: 'azure-subnet-prefix',
    type: 'string',
    help: 'addresses of a subnet of its own',
    env: ['AZURE_SUBNET_PREFIX'],
    default: '192.168.0.0/16',
  },
  {
    flag: 'azure-availability-set',
    type: 'string',
    help: 'existing availability set',
    env: ['AZURE_AVAILABILITY_SET'],
  },
  {
    flag: 'azure-private-ip-address',
    type: 'string',
    help: 'fixed private address',
    env: ['AZURE_PRIVATE_IP_ADDRESS'],
  },
  {
    flag: 'azure-use-private-ip',
    type: 'boolean',
    help: 'reach it at its private address',
    env: ['AZURE_USE_PRIVATE_IP'],
  },
  { flag: 'azure-no-public-ip', type: 'boolean', help: 'give it no public address', env: ['AZURE_NO_PUBLIC_IP'] },
  {
    flag: 'azure-static-public-ip',
    type: 'boolean',
    help: 'no effect: public addresses are static now',
    env: ['AZURE_STATIC_PUBLIC_IP'],
  },
  { flag: 'azure-dns', type: 'string', help: 'DNS label for the public address', env: ['AZURE_DNS_LABEL'] },
  {
    flag: 'azure-open-port',
    type: 'strings',
    help: 'further port to let in: 8080, 53/udp, 7000-7010/tcp',
    problem: portProblem,
  },
  {
    flag: 'azure-custom-data',
    type: 'string',
    help: 'file with user data for cloud-init',
    env: ['AZURE_CUSTOM_DATA_FILE'],
  },
  { flag: 'azure-tags', type: 'strings', help: 'further tag: key=value', env: ['AZURE_TAGS'] },
  { flag: 'azure-ssh-user', type: 'string', help: 'SSH user', env: ['AZURE_SSH_USER'], default: 'docker-user' },
  { flag: 'azure-ssh-key-path', type: 'string', help: 'private key to use instead of a new one' },
  {
    flag: 'azure-endpoint',
    type: 'string',
    help: 'URL of the resource manager of an Azure of your own',
    env: ['AZURE_ENDPOINT'],
  },
  { flag: 'azure-authority', type: 'string', help: 'URL of its login service', env: ['AZURE_AUTHORITY_HOST'] },
  { flag: 'azure-ca-file', type: 'string', help: 'certificates its services are trusted by' },
] as const satisfies readonly DriverOption[];

/** The driver's options, as flags are read. */
export const options: readonly DriverOption[] = OPTIONS;

/** Values of the options. */
export interface AzureOptions {
  readonly 'azure-subscription-id': string;
  readonly 'azure-tenant-id': string | undefined;
  readonly 'azure-client-id': string | undefined;
  readonly 'azure-client-secret': string | undefined;
  readonly 'azure-environment': string;
  readonly 'azure-resource-group': string | undefined;
  readonly 'azure-location': string;
  readonly 'azure-zone': string | undefined;
  readonly 'azure-size': string;
  readonly 'azure-image': string;
  readonly 'azure-storage-type': string;
  readonly 'azure-vnet': string | undefined;
  readonly 'azure-subnet': string;
  readonly 'azure-subnet-prefix': string;
  readonly 'azure-availability-set': string | undefined;
  readonly 'azure-private-ip-address': string | undefined;
  readonly 'azure-use-private-ip': boolean;
  readonly 'azure-no-public-ip': boolean;
  readonly 'azure-static-public-ip': boolean;
  readonly 'azure-dns': string | undefined;
  readonly 'azure-open-port': readonly string[];
  readonly 'azure-custom-data': string | undefined;
  readonly 'azure-tags': readonly string[];
  readonly 'azure-ssh-user': string;
  readonly 'azure-ssh-key-path': string | undefined;
  readonly 'azure-endpoint': string | undefined;
  readonly 'azure-authority': string | undefined;
  readonly 'azure-ca-file': string | undefined;
}

/** Values that were checked against {@link options}, typed. */
export function typedOptions(values: OptionValues): AzureOptions {
  return values as ValuesOf<typeof OPTIONS>;
}
