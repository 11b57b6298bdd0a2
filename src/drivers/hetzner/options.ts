import { portProblem } from '../cloud/ports.ts';
import type { DriverOption, OptionValues, ValuesOf } from '../options.ts';

/** Flags of `hetzner`, in the words of the driver people used with docker-machine. */
const OPTIONS = [
  {
    flag: 'hetzner-api-token',
    type: 'string',
    help: "Hetzner Cloud API token of the project; without one, hcloud's",
    env: ['HCLOUD_TOKEN', 'HETZNER_API_TOKEN'],
    isSecret: true,
  },
  { flag: 'hetzner-image', type: 'string', help: 'image, by name or ID', env: ['HETZNER_IMAGE'], default: 'debian-13' },
  {
    flag: 'hetzner-server-type',
    type: 'string',
    help: 'server type',
    env: ['HETZNER_TYPE', 'HETZNER_SERVER_TYPE'],
    default: 'cx23',
  },
  {
    flag: 'hetzner-server-location',
    type: 'string',
    help: 'location',
    env: ['HETZNER_LOCATION', 'HETZNER_SERVER_LOCATION'],
    default: 'nbg1',
  },
  { flag: 'hetzner-networks', type: 'strings', help: 'network to attach, by name or ID', env: ['HETZNER_NETWORKS'] },
  {
    flag: 'hetzner-use-private-network',
    type: 'boolean',
    help: 'reach it at its address in the first network',
    env: ['HETZNER_USE_PRIVATE_NETWORK'],
  },
  { flag: 'hetzner-disable-public-ipv4', type: 'boolean', help: 'no public IPv4 address' },
  { flag: 'hetzner-disable-public-ipv6', type: 'boolean', help: 'no public IPv6 address' },
  { flag: 'hetzner-placement-group', type: 'string', help: 'placement group, by name or ID' },
  {
    flag: 'hetzner-firewalls',
    type: 'strings',
    help: 'existing firewall, by name or ID, used as it is besides its own',
    env: ['HETZNER_FIREWALLS'],
  },
  {
    flag: 'hetzner-open-port',
    type: 'strings',
    help: 'further port to let in: 8080, 53/udp, 7000-7010/tcp',
    problem: portProblem,
  },
  { flag: 'hetzner-server-label', type: 'strings', help: 'further label: key=value', env: ['HETZNER_SERVER_LABELS'] },
  {
    flag: 'hetzner-user-data-file',
    type: 'string',
    help: 'file with user data for cloud-init',
    env: ['HETZNER_USER_DATA_FILE'],
  },
  { flag: 'hetzner-ssh-user', type: 'string', help: 'SSH user', env: ['HETZNER_SSH_USER'], default: 'root' },
  { flag: 'hetzner-ssh-port', type: 'number', help: 'SSH port', env: ['HETZNER_SSH_PORT'], default: 22 },
  {
    flag: 'hetzner-existing-key-path',
    type: 'string',
    help: 'private key to use instead of a new one',
    env: ['HETZNER_EXISTING_KEY_PATH'],
  },
  {
    flag: 'hetzner-existing-key-id',
    type: 'string',
    help: 'its ID or name in the project, if it is there',
    env: ['HETZNER_EXISTING_KEY_ID'],
  },
  {
    flag: 'hetzner-api-url',
    type: 'string',
    help: 'URL of the API',
    env: ['HCLOUD_ENDPOINT'],
    default: 'https://api.hetzner.cloud/v1',
  },
] as const satisfies readonly DriverOption[];

/** The driver's options, as flags are read. */
export const options: readonly DriverOption[] = OPTIONS;

/** Values of the options. */
export interface HetznerOptions {
  readonly 'hetzner-api-token': string | undefined;
  readonly 'hetzner-image': string;
  readonly 'hetzner-server-type': string;
  readonly 'hetzner-server-location': string;
  readonly 'hetzner-networks': readonly string[];
  readonly 'hetzner-use-private-network': boolean;
  readonly 'hetzner-disable-public-ipv4': boolean;
  readonly 'hetzner-disable-public-ipv6': boolean;
  readonly 'hetzner-placement-group': string | undefined;
  readonly 'hetzner-firewalls': readonly string[];
  readonly 'hetzner-open-port': readonly string[];
  readonly 'hetzner-server-label': readonly string[];
  readonly 'hetzner-user-data-file': string | undefined;
  readonly 'hetzner-ssh-user': string;
  readonly 'hetzner-ssh-port': number;
  readonly 'hetzner-existing-key-path': string | undefined;
  readonly 'hetzner-existing-key-id': string | undefined;
  readonly 'hetzner-api-url': string;
}

/** Values that were checked against {@link options}, typed. */
export function typedOptions(values: OptionValues): HetznerOptions {
  return values as ValuesOf<typeof OPTIONS>;
}
