import { portProblem } from '../cloud/ports.ts';
import type { DriverOption, OptionValues, ValuesOf } from '../options.ts';

/** Flags of `linode`, in the words of the driver people used with docker-machine. */
const OPTIONS = [
  {
    flag: 'linode-token',
    type: 'string',
    help: "Linode API token; without one, linode-cli's",
    env: ['LINODE_TOKEN', 'LINODE_CLI_TOKEN'],
    isSecret: true,
  },
  { flag: 'linode-region', type: 'string', help: 'region', env: ['LINODE_REGION'], default: 'us-east' },
  {
    flag: 'linode-instance-type',
    type: 'string',
    help: 'type of the Linode',
    env: ['LINODE_INSTANCE_TYPE'],
    default: 'g6-standard-1',
  },
  {
    flag: 'linode-image',
    type: 'string',
    help: 'image, by ID or label',
    env: ['LINODE_IMAGE'],
    default: 'linode/debian13',
  },
  {
    flag: 'linode-label',
    type: 'string',
    help: "label of the Linode; default the machine's name",
    env: ['LINODE_LABEL'],
  },
  {
    flag: 'linode-root-pass',
    type: 'string',
    help: 'root password; without one, one that is made up and thrown away',
    env: ['LINODE_ROOT_PASSWORD'],
    isSecret: true,
  },
  {
    flag: 'linode-authorized-users',
    type: 'strings',
    help: 'user of the account whose SSH keys may log in, too',
    env: ['LINODE_AUTHORIZED_USERS'],
  },
  {
    flag: 'linode-swap-size',
    type: 'number',
    help: 'swap in MB',
    env: ['LINODE_SWAP_SIZE'],
    default: 512,
    problem: (value) => (Number(value) < 0 ? 'is less than nothing' : undefined),
  },
  { flag: 'linode-tags', type: 'strings', help: 'further tag', env: ['LINODE_TAGS'] },
  {
    flag: 'linode-interface-generation',
    type: 'string',
    help: 'kind of network interfaces; legacy_config where the account allows no other',
    env: ['LINODE_INTERFACE_GENERATION'],
    default: 'linode',
    choices: ['linode', 'legacy_config'],
  },
  {
    flag: 'linode-vpc-subnet',
    type: 'string',
    help: 'VPC subnet to attach, by ID or as VPC/SUBNET by labels',
    env: ['LINODE_VPC_SUBNET', 'LINODE_VPC_SUBNET_ID'],
  },
  {
    flag: 'linode-create-private-ip',
    type: 'boolean',
    help: 'a private address in its region, with legacy_config interfaces',
    env: ['LINODE_CREATE_PRIVATE_IP'],
  },
  {
    flag: 'linode-use-private-network',
    type: 'boolean',
    help: 'reach it at its address in the VPC, else at its private one',
    env: ['LINODE_USE_PRIVATE_NETWORK'],
  },
  { flag: 'linode-use-ipv6', type: 'boolean', help: 'reach it at its IPv6 address', env: ['LINODE_USE_IPV6'] },
  {
    flag: 'linode-open-port',
    type: 'strings',
    help: 'further port to let in: 8080, 53/udp, 7000-7010/tcp',
    problem: portProblem,
  },
  {
    flag: 'linode-user-data-file',
    type: 'string',
    help: 'file with user data for cloud-init',
    env: ['LINODE_USER_DATA_FILE'],
  },
  { flag: 'linode-ssh-user', type: 'string', help: 'SSH user', env: ['LINODE_SSH_USER'], default: 'root' },
  { flag: 'linode-ssh-port', type: 'number', help: 'SSH port', env: ['LINODE_SSH_PORT'], default: 22 },
  {
    flag: 'linode-ssh-key-path',
    type: 'string',
    help: 'private key to use instead of a new one',
    env: ['LINODE_SSH_KEY_PATH'],
  },
  {
    flag: 'linode-url',
    type: 'string',
    help: 'URL of the API',
    env: ['LINODE_URL'],
    default: 'https://api.linode.com/v4',
  },
] as const satisfies readonly DriverOption[];

/** The driver's options, to read flags from. */
export const options: readonly DriverOption[] = OPTIONS;

/** Values of the options. */
export interface LinodeOptions {
  readonly 'linode-token': string | undefined;
  readonly 'linode-region': string;
  readonly 'linode-instance-type': string;
  readonly 'linode-image': string;
  readonly 'linode-label': string | undefined;
  readonly 'linode-root-pass': string | undefined;
  readonly 'linode-authorized-users': readonly string[];
  readonly 'linode-swap-size': number;
  readonly 'linode-tags': readonly string[];
  readonly 'linode-interface-generation': string;
  readonly 'linode-vpc-subnet': string | undefined;
  readonly 'linode-create-private-ip': boolean;
  readonly 'linode-use-private-network': boolean;
  readonly 'linode-use-ipv6': boolean;
  readonly 'linode-open-port': readonly string[];
  readonly 'linode-user-data-file': string | undefined;
  readonly 'linode-ssh-user': string;
  readonly 'linode-ssh-port': number;
  readonly 'linode-ssh-key-path': string | undefined;
  readonly 'linode-url': string;
}

/** Values that were checked against {@link options}, typed. */
export function typedOptions(values: OptionValues): LinodeOptions {
  return values as ValuesOf<typeof OPTIONS>;
}
