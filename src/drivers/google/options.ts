import { portProblem } from '../cloud/ports.ts';
import type { DriverOption, OptionValues, ValuesOf } from '../options.ts';

/** Flags of `google`: docker-machine's, with defaults that exist. */
const OPTIONS = [
  {
    flag: 'google-project',
    type: 'string',
    help: 'project ID; default that of the credentials',
    env: ['GOOGLE_PROJECT', 'GOOGLE_CLOUD_PROJECT'],
  },
  {
    flag: 'google-credentials',
    type: 'string',
    help: "file with a service account's key; without one Google's usual places are looked in, gcloud's among them",
    env: ['GOOGLE_APPLICATION_CREDENTIALS'],
  },
  {
    flag: 'google-zone',
    type: 'string',
    help: 'zone',
    env: ['GOOGLE_ZONE'],
    default: 'us-central1-a',
    problem: (value) => (/^[a-z]+-[a-z]+\d+-[a-z]$/.test(String(value)) ? undefined : 'is no zone like us-central1-a'),
  },
  {
    flag: 'google-machine-type',
    type: 'string',
    help: 'machine type',
    env: ['GOOGLE_MACHINE_TYPE'],
    default: 'e2-small',
  },
  {
    flag: 'google-machine-image',
    type: 'string',
    help: 'image: project/global/images/NAME or project/global/images/family/NAME',
    env: ['GOOGLE_MACHINE_IMAGE'],
    default: 'debian-cloud/global/images/family/debian-13',
    problem: (value) =>
      /^[^/]+\/global\/images\/(family\/)?[^/]+$/.test(String(value))
        ? undefined
        : 'is no image like debian-cloud/global/images/family/debian-13',
  },
  { flag: 'google-username', type: 'string', help: 'SSH user', env: ['GOOGLE_USERNAME'], default: 'docker-user' },
  { flag: 'google-ssh-key-path', type: 'string', help: 'private key to use instead of a new one' },
  { flag: 'google-network', type: 'string', help: 'network', env: ['GOOGLE_NETWORK'], default: 'default' },
  { flag: 'google-subnetwork', type: 'string', help: 'subnetwork', env: ['GOOGLE_SUBNETWORK'] },
  {
    flag: 'google-address',
    type: 'string',
    help: 'static public address: its name or itself',
    env: ['GOOGLE_ADDRESS'],
  },
  {
    flag: 'google-disk-size',
    type: 'number',
    help: 'size of the boot disk in GB',
    env: ['GOOGLE_DISK_SIZE'],
    default: 10,
    problem: (value) => (Number(value) >= 10 ? undefined : 'is less than 10 GB'),
  },
  {
    flag: 'google-disk-type',
    type: 'string',
    help: 'type of the boot disk',
    env: ['GOOGLE_DISK_TYPE'],
    default: 'pd-balanced',
  },
  {
    flag: 'google-preemptible',
    type: 'boolean',
    help: 'a Spot machine: cheaper, may be stopped at any time',
    env: ['GOOGLE_PREEMPTIBLE'],
  },
  { flag: 'google-tags', type: 'strings', help: 'further network tag', env: ['GOOGLE_TAGS'] },
  { flag: 'google-label', type: 'strings', help: 'further label: key=value', env: ['GOOGLE_LABEL'] },
  {
    flag: 'google-open-port',
    type: 'strings',
    help: 'further port to let in: 8080, 53/udp, 7000-7010/tcp',
    problem: portProblem,
  },
  {
    flag: 'google-use-internal-ip',
    type: 'boolean',
    help: 'reach it at its internal address',
    env: ['GOOGLE_USE_INTERNAL_IP'],
  },
  {
    flag: 'google-use-internal-ip-only',
    type: 'boolean',
    help: 'give it no public address',
    env: ['GOOGLE_USE_INTERNAL_IP_ONLY'],
  },
  {
    flag: 'google-service-account',
    type: 'string',
    help: 'service account of the machine, by e-mail',
    env: ['GOOGLE_SERVICE_ACCOUNT'],
  },
  {
    flag: 'google-scopes',
    type: 'strings',
    help: "what the machine's service account may do",
    env: ['GOOGLE_SCOPES'],
    default: [
      'https://www.googleapis.com/auth/devstorage.read_only',
      'https://www.googleapis.com/auth/logging.write',
      'https://www.googleapis.com/auth/monitoring.write',
    ],
  },
  { flag: 'google-userdata', type: 'string', help: 'file with user data for cloud-init', env: ['GOOGLE_USERDATA'] },
  {
    flag: 'google-api-url',
    type: 'string',
    help: 'URL of the API',
    default: 'https://compute.googleapis.com/compute/v1',
  },
] as const satisfies readonly DriverOption[];

/** The driver's options, as flags are read. */
export const options: readonly DriverOption[] = OPTIONS;

/** Values of the options. */
export interface GoogleOptions {
  readonly 'google-project': string | undefined;
  readonly 'google-credentials': string | undefined;
  readonly 'google-zone': string;
  readonly 'google-machine-type': string;
  readonly 'google-machine-image': string;
  readonly 'google-username': string;
  readonly 'google-ssh-key-path': string | undefined;
  readonly 'google-network': string;
  readonly 'google-subnetwork': string | undefined;
  readonly 'google-address': string | undefined;
  readonly 'google-disk-size': number;
  readonly 'google-disk-type': string;
  readonly 'google-preemptible': boolean;
  readonly 'google-tags': readonly string[];
  readonly 'google-label': readonly string[];
  readonly 'google-open-port': readonly string[];
  readonly 'google-use-internal-ip': boolean;
  readonly 'google-use-internal-ip-only': boolean;
  readonly 'google-service-account': string | undefined;
  readonly 'google-scopes': readonly string[];
  readonly 'google-userdata': string | undefined;
  readonly 'google-api-url': string;
}

/** Values that were checked against {@link options}, typed. */
export function typedOptions(values: OptionValues): GoogleOptions {
  return values as ValuesOf<typeof OPTIONS>;
}
