import { portProblem } from '../cloud/ports.ts';
import type { DriverOption, OptionValues, ValuesOf } from '../options.ts';

/** Flags of `vultr`, in the words of the driver people used with docker-machine. */
const OPTIONS = [
  {
    flag: 'vultr-api-key',
    type: 'string',
    help: "Vultr API key; without one, vultr-cli's",
    env: ['VULTR_API_KEY'],
    isSecret: true,
  },
  { flag: 'vultr-region', type: 'string', help: 'region', env: ['VULTR_REGION'], default: 'ewr' },
  { flag: 'vultr-vps-plan', type: 'string', help: 'plan', env: ['VULTR_VPS_PLAN'], default: 'vc2-1c-2gb' },
  {
    flag: 'vultr-os',
    type: 'string',
    help: 'operating system, by ID or by name or its beginning',
    env: ['VULTR_OS', 'VULTR_OSID'],
    default: 'Debian 13 x64',
  },
  { flag: 'vultr-tags', type: 'strings', help: 'further tag', env: ['VULTR_TAGS'] },
  { flag: 'vultr-enabled-ipv6', type: 'boolean', help: 'an IPv6 address besides', env: ['VULTR_ENABLE_IPV6'] },
  { flag: 'vultr-use-ipv6', type: 'boolean', help: 'reach it at its IPv6 address', env: ['VULTR_USE_IPV6'] },
  {
    flag: 'vultr-vpc-ids',
    type: 'strings',
    help: 'VPC to attach, by ID or description',
    env: ['VULTR_VPC_IDS'],
  },
  {
    flag: 'vultr-use-private-network',
    type: 'boolean',
    help: 'reach it at its address in the VPC',
    env: ['VULTR_USE_PRIVATE_NETWORK'],
  },
  {
    flag: 'vultr-firewall-group-id',
    type: 'string',
    help: 'existing firewall group, used as it is instead of its own',
    env: ['VULTR_FIREWALL_GROUP_ID'],
  },
  {
    flag: 'vultr-open-port',
    type: 'strings',
    help: 'further port to let in: 8080, 53/udp, 7000-7010/tcp',
    problem: portProblem,
  },
  { flag: 'vultr-vps-backups', type: 'boolean', help: 'automatic backups', env: ['VULTR_VPS_BACKUPS'] },
  { flag: 'vultr-ddos-protection', type: 'boolean', help: 'DDoS protection', env: ['VULTR_DDOS_PROTECTION'] },
  {
    flag: 'vultr-user-data-file',
    type: 'string',
    help: "file with user data for cloud-init, instead of what opens the system's own firewall",
    env: ['VULTR_USER_DATA_FILE'],
  },
  { flag: 'vultr-ssh-user', type: 'string', help: 'SSH user', env: ['VULTR_SSH_USER'], default: 'root' },
  { flag: 'vultr-ssh-port', type: 'number', help: 'SSH port', env: ['VULTR_SSH_PORT'], default: 22 },
  {
    flag: 'vultr-ssh-key-path',
    type: 'string',
    help: 'private key to use instead of a new one',
    env: ['VULTR_SSH_KEY_PATH'],
  },
  {
    flag: 'vultr-ssh-key-ids',
    type: 'strings',
    help: 'key of the account that may log in, by ID or name, with --vultr-ssh-key-path instead of a new one',
    env: ['VULTR_SSH_KEY_IDS'],
  },
  {
    flag: 'vultr-api-url',
    type: 'string',
    help: 'URL of the API',
    env: ['VULTR_API_ENDPOINT'],
    default: 'https://api.vultr.com/v2',
  },
] as const satisfies readonly DriverOption[];

/** The driver's options, to read flags from. */
export const options: readonly DriverOption[] = OPTIONS;

/** Values of the options. */
export interface VultrOptions {
  readonly 'vultr-api-key': string | undefined;
  readonly 'vultr-region': string;
  readonly 'vultr-vps-plan': string;
  readonly 'vultr-os': string;
  readonly 'vultr-tags': readonly string[];
  readonly 'vultr-enabled-ipv6': boolean;
  readonly 'vultr-use-ipv6': boolean;
  readonly 'vultr-vpc-ids': readonly string[];
  readonly 'vultr-use-private-network': boolean;
  readonly 'vultr-firewall-group-id': string | undefined;
  readonly 'vultr-open-port': readonly string[];
  readonly 'vultr-vps-backups': boolean;
  readonly 'vultr-ddos-protection': boolean;
  readonly 'vultr-user-data-file': string | undefined;
  readonly 'vultr-ssh-user': string;
  readonly 'vultr-ssh-port': number;
  readonly 'vultr-ssh-key-path': string | undefined;
  readonly 'vultr-ssh-key-ids': readonly string[];
  readonly 'vultr-api-url': string;
}

/** Values that were checked against {@link options}, typed. */
export function typedOptions(values: OptionValues): VultrOptions {
  return values as ValuesOf<typeof OPTIONS>;
}
