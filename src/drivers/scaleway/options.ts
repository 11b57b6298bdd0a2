import { portProblem } from '../cloud/ports.ts';
import type { DriverOption, OptionValues, ValuesOf } from '../options.ts';

/** Flags of `scaleway`, in the words of the driver people used with docker-machine and of Scaleway's own tools. */
const OPTIONS = [
  {
    flag: 'scaleway-token',
    type: 'string',
    help: "secret key of a Scaleway API key; without one, scw's",
    env: ['SCW_SECRET_KEY', 'SCALEWAY_TOKEN'],
    isSecret: true,
  },
  {
    flag: 'scaleway-project-id',
    type: 'string',
    help: "project to make it in; without one, scw's",
    env: ['SCW_DEFAULT_PROJECT_ID'],
  },
  { flag: 'scaleway-zone', type: 'string', help: 'zone', env: ['SCW_DEFAULT_ZONE'], default: 'fr-par-1' },
  {
    flag: 'scaleway-commercial-type',
    type: 'string',
    help: 'type of the Instance',
    env: ['SCALEWAY_COMMERCIAL_TYPE'],
    default: 'DEV1-S',
  },
  {
    flag: 'scaleway-image',
    type: 'string',
    help: 'image, by label in the marketplace or by ID',
    env: ['SCALEWAY_IMAGE'],
    default: 'debian_trixie',
  },
  {
    flag: 'scaleway-root-volume-size',
    type: 'number',
    help: 'root volume in GB',
    env: ['SCALEWAY_ROOT_VOLUME_SIZE'],
    default: 20,
    problem: (value) => (Number(value) < 10 ? 'is too small for an image' : undefined),
  },
  { flag: 'scaleway-tags', type: 'strings', help: 'further tag', env: ['SCALEWAY_TAGS'] },
  { flag: 'scaleway-ipv6', type: 'boolean', help: 'an IPv6 address besides', env: ['SCALEWAY_IPV6'] },
  {
    flag: 'scaleway-use-ipv6',
    type: 'boolean',
    help: 'an IPv6 address only, and reach it there',
    env: ['SCALEWAY_USE_IPV6'],
  },
  {
    flag: 'scaleway-private-network',
    type: 'strings',
    help: 'Private Network to attach, by name or ID',
    env: ['SCALEWAY_PRIVATE_NETWORK'],
  },
  {
    flag: 'scaleway-use-private-network',
    type: 'boolean',
    help: 'reach it at its address in the first Private Network',
    env: ['SCALEWAY_USE_PRIVATE_NETWORK'],
  },
  {
    flag: 'scaleway-open-port',
    type: 'strings',
    help: 'further port to let in: 8080, 53/udp, 7000-7010/tcp',
    problem: portProblem,
  },
  {
    flag: 'scaleway-user-data-file',
    type: 'string',
    help: 'file with user data for cloud-init',
    env: ['SCALEWAY_USER_DATA_FILE'],
  },
  { flag: 'scaleway-ssh-user', type: 'string', help: 'SSH user', env: ['SCALEWAY_USER'], default: 'root' },
  { flag: 'scaleway-ssh-port', type: 'number', help: 'SSH port', env: ['SCALEWAY_PORT'], default: 22 },
  {
    flag: 'scaleway-ssh-key-path',
    type: 'string',
    help: 'private key to use instead of a new one',
    env: ['SCALEWAY_SSH_KEY_PATH'],
  },
  {
    flag: 'scaleway-api-url',
    type: 'string',
    help: 'URL of the API',
    env: ['SCW_API_URL'],
    default: 'https://api.scaleway.com',
  },
] as const satisfies readonly DriverOption[];

/** The driver's options, to read flags from. */
export const options: readonly DriverOption[] = OPTIONS;

/** Values of the options. */
export interface ScalewayOptions {
  readonly 'scaleway-token': string | undefined;
  readonly 'scaleway-project-id': string | undefined;
  readonly 'scaleway-zone': string;
  readonly 'scaleway-commercial-type': string;
  readonly 'scaleway-image': string;
  readonly 'scaleway-root-volume-size': number;
  readonly 'scaleway-tags': readonly string[];
  readonly 'scaleway-ipv6': boolean;
  readonly 'scaleway-use-ipv6': boolean;
  readonly 'scaleway-private-network': readonly string[];
  readonly 'scaleway-use-private-network': boolean;
  readonly 'scaleway-open-port': readonly string[];
  readonly 'scaleway-user-data-file': string | undefined;
  readonly 'scaleway-ssh-user': string;
  readonly 'scaleway-ssh-port': number;
  readonly 'scaleway-ssh-key-path': string | undefined;
  readonly 'scaleway-api-url': string;
}

/** Values that were checked against {@link options}, typed. */
export function typedOptions(values: OptionValues): ScalewayOptions {
  return values as ValuesOf<typeof OPTIONS>;
}
