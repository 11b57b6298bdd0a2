import { portProblem } from '../cloud/ports.ts';
import type { DriverOption, OptionValues, ValuesOf } from '../options.ts';
import { IMAGE_NAMES } from './systems.ts';

const ZONE = /^([a-z]|[a-z]{2}(-[a-z]+)+-\d+[a-z])$/;

/** Flags of `amazonec2`: docker-machine's, with defaults that exist. */
const OPTIONS = [
  {
    flag: 'amazonec2-access-key',
    type: 'string',
    help: "AWS access key ID; without one AWS' usual places are looked in",
    env: ['AWS_ACCESS_KEY_ID'],
    isSecret: true,
  },
  {
    flag: 'amazonec2-secret-key',
    type: 'string',
    help: 'AWS secret access key',
    env: ['AWS_SECRET_ACCESS_KEY'],
    isSecret: true,
  },
  {
    flag: 'amazonec2-session-token',
    type: 'string',
    help: 'AWS session token of temporary credentials',
    env: ['AWS_SESSION_TOKEN'],
    isSecret: true,
  },
  {
    flag: 'amazonec2-profile',
    type: 'string',
    help: 'profile in ~/.aws/config and ~/.aws/credentials',
    env: ['AWS_PROFILE'],
  },
  {
    flag: 'amazonec2-region',
    type: 'string',
    help: 'AWS region',
    env: ['AWS_REGION', 'AWS_DEFAULT_REGION'],
    default: 'us-east-1',
  },
  {
    flag: 'amazonec2-zone',
    type: 'string',
    help: 'availability zone, its letter or its whole name; without one, the first that has the instance type',
    env: ['AWS_ZONE'],
    problem: (value) => (ZONE.test(String(value)) ? undefined : 'is no availability zone like a or us-east-1a'),
  },
  {
    flag: 'amazonec2-ami',
    type: 'string',
    help: 'image to boot, by its ID; overrides --amazonec2-image',
    env: ['AWS_AMI'],
    problem: (value) => (/^ami-[0-9a-f]+$/.test(String(value)) ? undefined : 'is no AMI like ami-0123456789abcdef0'),
  },
  {
    flag: 'amazonec2-image',
    type: 'string',
    help: 'system whose newest official image is booted, for the processor of the instance type',
    default: 'debian-13',
    choices: IMAGE_NAMES,
  },
  {
    flag: 'amazonec2-instance-type',
    type: 'string',
    help: 'instance type',
    env: ['AWS_INSTANCE_TYPE'],
    default: 't3.small',
  },
  {
    flag: 'amazonec2-vpc-id',
    type: 'string',
    help: "VPC; without one, the subnet's or the default VPC",
    env: ['AWS_VPC_ID'],
  },
  { flag: 'amazonec2-subnet-id', type: 'string', help: 'subnet in that VPC', env: ['AWS_SUBNET_ID'] },
  {
    flag: 'amazonec2-security-group',
    type: 'strings',
    help: 'existing security group, by name or ID, used as it is; without one, each machine has its own',
    env: ['AWS_SECURITY_GROUP'],
  },
  {
    flag: 'amazonec2-security-group-readonly',
    type: 'boolean',
    help: 'do not check that the given security groups let the needed ports through',
    env: ['AWS_SECURITY_GROUP_READONLY'],
  },
  {
    flag: 'amazonec2-open-port',
    type: 'strings',
    help: 'further port to let in: 8080, 53/udp, 7000-7010/tcp',
    problem: portProblem,
  },
  { flag: 'amazonec2-tags', type: 'string', help: 'further tags: key1,value1,key2,value2', env: ['AWS_TAGS'] },
  {
    flag: 'amazonec2-device-name',
    type: 'string',
    help: "name of the root device; default the image's",
    env: ['AWS_DEVICE_NAME'],
  },
  {
    flag: 'amazonec2-root-size',
    type: 'number',
    help: 'size of the root disk in GiB',
    env: ['AWS_ROOT_SIZE'],
    default: 16,
    problem: (value) => (Number(value) >= 1 ? undefined : 'is no size of a disk in GiB'),
  },
  {
    flag: 'amazonec2-volume-type',
    type: 'string',
    help: 'type of the root disk',
    env: ['AWS_VOLUME_TYPE'],
    default: 'gp3',
  },
  {
    flag: 'amazonec2-iam-instance-profile',
    type: 'string',
    help: 'IAM instance profile, by name or ARN',
    env: ['AWS_INSTANCE_PROFILE'],
  },
  {
    flag: 'amazonec2-ssh-user',
    type: 'string',
    help: "SSH user; default the image's",
    env: ['AWS_SSH_USER'],
  },
  { flag: 'amazonec2-ssh-port', type: 'number', help: 'SSH port', env: ['AWS_SSH_PORT'], default: 22 },
  {
    flag: 'amazonec2-ssh-keypath',
    type: 'string',
    help: 'private key to use instead of a new one',
    env: ['AWS_SSH_KEYPATH'],
  },
  {
    flag: 'amazonec2-keypair-name',
    type: 'string',
    help: 'existing key pair that belongs to --amazonec2-ssh-keypath',
    env: ['AWS_KEYPAIR_NAME'],
  },
  {
    flag: 'amazonec2-request-spot-instance',
    type: 'boolean',
    help: 'run on spare capacity: cheaper, may be taken away',
  },
  {
    flag: 'amazonec2-spot-price',
    type: 'string',
    help: 'most to pay in USD an hour; default the on-demand price',
    problem: (value) => (Number(value) > 0 ? undefined : 'is no price like 0.05'),
  },
  {
    flag: 'amazonec2-spot-interruption',
    type: 'string',
    help: 'what happens when the capacity is taken away; only a machine that stops can be stopped and started by hand',
    default: 'terminate',
    choices: ['terminate', 'stop', 'hibernate'],
  },
  {
    flag: 'amazonec2-spot-wait',
    type: 'number',
    help: 'minutes to wait for spot capacity',
    default: 5,
    problem: (value) => (Number(value) >= 0 ? undefined : 'is no number of minutes'),
  },
  {
    flag: 'amazonec2-private-address-only',
    type: 'boolean',
    help: 'give it no public address',
  },
  {
    flag: 'amazonec2-use-private-address',
    type: 'boolean',
    help: 'reach it at its private address',
  },
  { flag: 'amazonec2-monitoring', type: 'boolean', help: 'detailed monitoring by CloudWatch' },
  { flag: 'amazonec2-use-ebs-optimized-instance', type: 'boolean', help: 'EBS optimised instance' },
  {
    flag: 'amazonec2-userdata',
    type: 'string',
    help: 'file with user data for cloud-init',
    env: ['AWS_USERDATA'],
  },
  {
    flag: 'amazonec2-retries',
    type: 'number',
    help: 'how often a call is repeated that AWS could not answer',
    default: 5,
    problem: (value) => (Number.isInteger(value) && Number(value) >= 0 ? undefined : 'is no number of retries'),
  },
  {
    flag: 'amazonec2-endpoint',
    type: 'string',
    help: 'URL of an API like EC2 elsewhere',
    env: ['AWS_ENDPOINT_URL_EC2', 'AWS_ENDPOINT'],
  },
  {
    flag: 'amazonec2-insecure-transport',
    type: 'boolean',
    help: 'HTTP instead of HTTPS for an endpoint given without either',
    env: ['AWS_INSECURE_TRANSPORT'],
  },
] as const satisfies readonly DriverOption[];

/** The driver's options, as flags are read. */
export const options: readonly DriverOption[] = OPTIONS;

/** Values of the options. */
export interface Ec2Options {
  readonly 'amazonec2-access-key': string | undefined;
  readonly 'amazonec2-secret-key': string | undefined;
  readonly 'amazonec2-session-token': string | undefined;
  readonly 'amazonec2-profile': string | undefined;
  readonly 'amazonec2-region': string;
  readonly 'amazonec2-zone': string | undefined;
  readonly 'amazonec2-ami': string | undefined;
  readonly 'amazonec2-image': string;
  readonly 'amazonec2-instance-type': string;
  readonly 'amazonec2-vpc-id': string | undefined;
  readonly 'amazonec2-subnet-id': string | undefined;
  readonly 'amazonec2-security-group': readonly string[];
  readonly 'amazonec2-security-group-readonly': boolean;
  readonly 'amazonec2-open-port': readonly string[];
  readonly 'amazonec2-tags': string | undefined;
  readonly 'amazonec2-device-name': string | undefined;
  readonly 'amazonec2-root-size': number;
  readonly 'amazonec2-volume-type': string;
  readonly 'amazonec2-iam-instance-profile': string | undefined;
  readonly 'amazonec2-ssh-user': string | undefined;
  readonly 'amazonec2-ssh-port': number;
  readonly 'amazonec2-ssh-keypath': string | undefined;
  readonly 'amazonec2-keypair-name': string | undefined;
  readonly 'amazonec2-request-spot-instance': boolean;
  readonly 'amazonec2-spot-price': string | undefined;
  readonly 'amazonec2-spot-interruption': string;
  readonly 'amazonec2-spot-wait': number;
  readonly 'amazonec2-private-address-only': boolean;
  readonly 'amazonec2-use-private-address': boolean;
  readonly 'amazonec2-monitoring': boolean;
  readonly 'amazonec2-use-ebs-optimized-instance': boolean;
  readonly 'amazonec2-userdata': string | undefined;
  readonly 'amazonec2-retries': number;
  readonly 'amazonec2-endpoint': string | undefined;
  readonly 'amazonec2-insecure-transport': boolean;
}

/** Values that were checked against {@link options}, typed. */
export function typedOptions(values: OptionValues): Ec2Options {
  return values as ValuesOf<typeof OPTIONS>;
}
