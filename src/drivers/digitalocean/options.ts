import { portProblem } from '../cloud/ports.ts';
import type { DriverOption, OptionValues, ValuesOf } from '../options.ts';

/** Flags of `digitalocean`: docker-machine's, with defaults that exist. */
const OPTIONS = [
  {
    flag: 'digitalocean-access-token',
    type: 'string',
    help: "DigitalOcean API token; without one, doctl's",
    env: ['DIGITALOCEAN_ACCESS_TOKEN', 'DIGITALOCEAN_TOKEN'],
    isSecret: true,
  },
  {
    flag: 'digitalocean-image',
    type: 'string',
    help: 'image: its slug, or the ID of one of your own',
    env: ['DIGITALOCEAN_IMAGE'],
    default: 'debian-13-x64',
  },
  {
    flag: 'digitalocean-region',
    type: 'string',
    help: 'region',
    env: ['DIGITALOCEAN_REGION'],
    default: 'nyc3',
  },
  {
    flag: 'digitalocean-size',
    type: 'string',
    help: 'size of the Droplet',
    env: ['DIGITALOCEAN_SIZE'],
    default: 's-1vcpu-1gb',
  },
  { flag: 'digitalocean-ipv6', type: 'boolean', help: 'an IPv6 address too', env: ['DIGITALOCEAN_IPV6'] },
  {
    flag: 'digitalocean-private-networking',
    type: 'boolean',
    help: 'reach it at its address in the VPC',
    env: ['DIGITALOCEAN_PRIVATE_NETWORKING'],
  },
  { flag: 'digitalocean-vpc-uuid', type: 'string', help: "VPC; default the region's" },
  { flag: 'digitalocean-backups', type: 'boolean', help: 'backups', env: ['DIGITALOCEAN_BACKUPS'] },
  {
    flag: 'digitalocean-monitoring',
    type: 'boolean',
    help: 'the monitoring agent',
    env: ['DIGITALOCEAN_MONITORING'],
  },
  {
    flag: 'digitalocean-open-port',
    type: 'strings',
    help: 'further port to let in: 8080, 53/udp, 7000-7010/tcp',
    problem: portProblem,
  },
  { flag: 'digitalocean-tags', type: 'strings', help: 'further tag', env: ['DIGITALOCEAN_TAGS'] },
  {
    flag: 'digitalocean-userdata',
    type: 'string',
    help: 'file with user data for cloud-init',
    env: ['DIGITALOCEAN_USERDATA'],
  },
  {
    flag: 'digitalocean-ssh-user',
    type: 'string',
    help: 'SSH user',
    env: ['DIGITALOCEAN_SSH_USER'],
    default: 'root',
  },
  { flag: 'digitalocean-ssh-port', type: 'number', help: 'SSH port', env: ['DIGITALOCEAN_SSH_PORT'], default: 22 },
  {
    flag: 'digitalocean-ssh-key-fingerprint',
    type: 'string',
    help: 'MD5 fingerprint of a key in the account',
    env: ['DIGITALOCEAN_SSH_KEY_FINGERPRINT'],
  },
  {
    flag: 'digitalocean-ssh-key-path',
    type: 'string',
    help: 'private key to use instead of a new one',
    env: ['DIGITALOCEAN_SSH_KEY_PATH'],
  },
  {
    flag: 'digitalocean-api-url',
    type: 'string',
    help: 'URL of the API',
    env: ['DIGITALOCEAN_API_URL'],
    default: 'https://api.digitalocean.com',
  },
] as const satisfies readonly DriverOption[];

/** The driver's options, as flags are read. */
export const options: readonly DriverOption[] = OPTIONS;

/** Values of the options. */
export interface DigitalOceanOptions {
  readonly 'digitalocean-access-token': string | undefined;
  readonly 'digitalocean-image': string;
  readonly 'digitalocean-region': string;
  readonly 'digitalocean-size': string;
  readonly 'digitalocean-ipv6': boolean;
  readonly 'digitalocean-private-networking': boolean;
  readonly 'digitalocean-vpc-uuid': string | undefined;
  readonly 'digitalocean-backups': boolean;
  readonly 'digitalocean-monitoring': boolean;
  readonly 'digitalocean-open-port': readonly string[];
  readonly 'digitalocean-tags': readonly string[];
  readonly 'digitalocean-userdata': string | undefined;
  readonly 'digitalocean-ssh-user': string;
  readonly 'digitalocean-ssh-port': number;
  readonly 'digitalocean-ssh-key-fingerprint': string | undefined;
  readonly 'digitalocean-ssh-key-path': string | undefined;
  readonly 'digitalocean-api-url': string;
}

/** Values that were checked against {@link options}, typed. */
export function typedOptions(values: OptionValues): DigitalOceanOptions {
  return values as ValuesOf<typeof OPTIONS>;
}
