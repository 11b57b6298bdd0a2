import { portProblem } from '../cloud/ports.ts';
import type { DriverOption, OptionValues, ValuesOf } from '../options.ts';

/** Flags of `openstack` that say who asks and where, in docker-machine's words and with OpenStack's own variables. */
const ACCESS = [
  {
    flag: 'openstack-cloud',
    type: 'string',
    help: 'cloud of clouds.yaml; a file with one cloud needs no name',
    env: ['OS_CLOUD'],
  },
  { flag: 'openstack-auth-url', type: 'string', help: 'URL of Keystone', env: ['OS_AUTH_URL'] },
  { flag: 'openstack-username', type: 'string', help: 'user', env: ['OS_USERNAME'] },
  { flag: 'openstack-user-id', type: 'string', help: 'user, by ID', env: ['OS_USER_ID'] },
  { flag: 'openstack-password', type: 'string', help: "user's password", env: ['OS_PASSWORD'], isSecret: true },
  {
    flag: 'openstack-user-domain-name',
    type: 'string',
    help: 'domain of the user',
    env: ['OS_USER_DOMAIN_NAME'],
  },
  { flag: 'openstack-user-domain-id', type: 'string', help: 'domain of the user, by ID', env: ['OS_USER_DOMAIN_ID'] },
  { flag: 'openstack-tenant-name', type: 'string', help: 'project', env: ['OS_PROJECT_NAME', 'OS_TENANT_NAME'] },
  { flag: 'openstack-tenant-id', type: 'string', help: 'project, by ID', env: ['OS_PROJECT_ID', 'OS_TENANT_ID'] },
  {
    flag: 'openstack-tenant-domain-name',
    type: 'string',
    help: 'domain of the project',
    env: ['OS_PROJECT_DOMAIN_NAME', 'OS_TENANT_DOMAIN_NAME'],
  },
  {
    flag: 'openstack-tenant-domain-id',
    type: 'string',
    help: 'domain of the project, by ID',
    env: ['OS_PROJECT_DOMAIN_ID', 'OS_TENANT_DOMAIN_ID'],
  },
  {
    flag: 'openstack-domain-name',
    type: 'string',
    help: 'domain of user and project, where they have no flag of their own',
    env: ['OS_DOMAIN_NAME'],
  },
  { flag: 'openstack-domain-id', type: 'string', help: 'the same, by ID', env: ['OS_DOMAIN_ID'] },
  {
    flag: 'openstack-application-credential-id',
    type: 'string',
    help: 'application credential instead of user and password',
    env: ['OS_APPLICATION_CREDENTIAL_ID'],
  },
  {
    flag: 'openstack-application-credential-name',
    type: 'string',
    help: "application credential, by name among the user's",
    env: ['OS_APPLICATION_CREDENTIAL_NAME'],
  },
  {
    flag: 'openstack-application-credential-secret',
    type: 'string',
    help: 'secret of the application credential',
    env: ['OS_APPLICATION_CREDENTIAL_SECRET'],
    isSecret: true,
  },
  { flag: 'openstack-region', type: 'string', help: 'region', env: ['OS_REGION_NAME'] },
  {
    flag: 'openstack-endpoint-type',
    type: 'string',
    help: 'endpoints to use',
    env: ['OS_ENDPOINT_TYPE', 'OS_INTERFACE'],
    choices: ['public', 'internal', 'admin', 'publicURL', 'internalURL', 'adminURL'],
  },
  {
    flag: 'openstack-cacert',
    type: 'string',
    help: "file with the certificate of the cloud's authority",
    env: ['OS_CACERT'],
  },
  {
    flag: 'openstack-insecure',
    type: 'boolean',
    help: "do not check the cloud's certificates",
    env: ['OS_INSECURE'],
  },
] as const satisfies readonly DriverOption[];

/** Flags that say what is made. */
const SERVER = [
  { flag: 'openstack-flavor-name', type: 'string', help: 'flavor', env: ['OS_FLAVOR_NAME'] },
  { flag: 'openstack-flavor-id', type: 'string', help: 'flavor, by ID', env: ['OS_FLAVOR_ID'] },
  { flag: 'openstack-image-name', type: 'string', help: 'image; the newest of that name', env: ['OS_IMAGE_NAME'] },
  { flag: 'openstack-image-id', type: 'string', help: 'image, by ID', env: ['OS_IMAGE_ID'] },
  {
    flag: 'openstack-image-owner',
    type: 'string',
    help: 'ID of the project whose image of that name it is',
    env: ['OS_IMAGE_OWNER'],
  },
  {
    flag: 'openstack-availability-zone',
    type: 'string',
    help: 'availability zone',
    env: ['OS_AVAILABILITY_ZONE'],
  },
  { flag: 'openstack-net-name', type: 'strings', help: 'network to attach', env: ['OS_NETWORK_NAME'] },
  { flag: 'openstack-net-id', type: 'strings', help: 'network to attach, by ID', env: ['OS_NETWORK_ID'] },
  {
    flag: 'openstack-floatingip-pool',
    type: 'string',
    help: 'external network to take a floating IP from',
    env: ['OS_FLOATINGIP_POOL'],
  },
  {
    flag: 'openstack-ip-version',
    type: 'number',
    help: 'IP version of the address to reach it at: 4 or 6',
    env: ['OS_IP_VERSION'],
    default: 4,
    problem: (value) => ([4, 6].includes(Number(value)) ? undefined : 'is neither 4 nor 6'),
  },
  {
    flag: 'openstack-sec-groups',
    type: 'strings',
    help: 'security group to use instead of a new one',
    env: ['OS_SECURITY_GROUPS'],
  },
  {
    flag: 'openstack-open-port',
    type: 'strings',
    help: 'further port to let in: 8080, 53/udp, 7000-7010/tcp',
    problem: portProblem,
  },
  {
    flag: 'openstack-boot-from-volume',
    type: 'boolean',
    help: 'a volume of its own as root disk',
    env: ['OS_BOOT_FROM_VOLUME'],
  },
  {
    flag: 'openstack-volume-size',
    type: 'number',
    help: 'size of that volume in GiB',
    env: ['OS_VOLUME_SIZE'],
    default: 20,
    problem: (value) => (Number.isInteger(Number(value)) && Number(value) > 0 ? undefined : 'is no size in GiB'),
  },
  { flag: 'openstack-volume-type', type: 'string', help: 'type of that volume', env: ['OS_VOLUME_TYPE'] },
  { flag: 'openstack-server-group', type: 'string', help: 'server group to join', env: ['OS_SERVER_GROUP'] },
  { flag: 'openstack-config-drive', type: 'boolean', help: 'a config drive', env: ['OS_CONFIG_DRIVE'] },
  {
    flag: 'openstack-user-data-file',
    type: 'string',
    help: 'file with user data for cloud-init',
    env: ['OS_USER_DATA_FILE'],
  },
  {
    flag: 'openstack-active-timeout',
    type: 'number',
    help: 'seconds a server may take to become active',
    env: ['OS_ACTIVE_TIMEOUT'],
    default: 200,
  },
  {
    flag: 'openstack-ssh-user',
    type: 'string',
    help: "SSH user: the image's, as in debian",
    env: ['OS_SSH_USER'],
    default: 'root',
  },
  { flag: 'openstack-ssh-port', type: 'number', help: 'SSH port', env: ['OS_SSH_PORT'], default: 22 },
  {
    flag: 'openstack-keypair-name',
    type: 'string',
    help: 'key pair to use; give its private key too',
    env: ['OS_KEYPAIR_NAME'],
  },
  {
    flag: 'openstack-private-key-file',
    type: 'string',
    help: 'private key to use instead of a new one',
    env: ['OS_PRIVATE_KEY_FILE'],
  },
] as const satisfies readonly DriverOption[];

/** The driver's options, to read flags from. */
export const options: readonly DriverOption[] = [...ACCESS, ...SERVER];

/** Values of the options. */
export interface OpenStackOptions {
  readonly 'openstack-cloud': string | undefined;
  readonly 'openstack-auth-url': string | undefined;
  readonly 'openstack-username': string | undefined;
  readonly 'openstack-user-id': string | undefined;
  readonly 'openstack-password': string | undefined;
  readonly 'openstack-user-domain-name': string | undefined;
  readonly 'openstack-user-domain-id': string | undefined;
  readonly 'openstack-tenant-name': string | undefined;
  readonly 'openstack-tenant-id': string | undefined;
  readonly 'openstack-tenant-domain-name': string | undefined;
  readonly 'openstack-tenant-domain-id': string | undefined;
  readonly 'openstack-domain-name': string | undefined;
  readonly 'openstack-domain-id': string | undefined;
  readonly 'openstack-application-credential-id': string | undefined;
  readonly 'openstack-application-credential-name': string | undefined;
  readonly 'openstack-application-credential-secret': string | undefined;
  readonly 'openstack-region': string | undefined;
  readonly 'openstack-endpoint-type': string | undefined;
  readonly 'openstack-cacert': string | undefined;
  readonly 'openstack-insecure': boolean;
  readonly 'openstack-flavor-name': string | undefined;
  readonly 'openstack-flavor-id': string | undefined;
  readonly 'openstack-image-name': string | undefined;
  readonly 'openstack-image-id': string | undefined;
  readonly 'openstack-image-owner': string | undefined;
  readonly 'openstack-availability-zone': string | undefined;
  readonly 'openstack-net-name': readonly string[];
  readonly 'openstack-net-id': readonly string[];
  readonly 'openstack-floatingip-pool': string | undefined;
  readonly 'openstack-ip-version': number;
  readonly 'openstack-sec-groups': readonly string[];
  readonly 'openstack-open-port': readonly string[];
  readonly 'openstack-boot-from-volume': boolean;
  readonly 'openstack-volume-size': number;
  readonly 'openstack-volume-type': string | undefined;
  readonly 'openstack-server-group': string | undefined;
  readonly 'openstack-config-drive': boolean;
  readonly 'openstack-user-data-file': string | undefined;
  readonly 'openstack-active-timeout': number;
  readonly 'openstack-ssh-user': string;
  readonly 'openstack-ssh-port': number;
  readonly 'openstack-keypair-name': string | undefined;
  readonly 'openstack-private-key-file': string | undefined;
}

/** Values that were checked against {@link options}, typed. */
export function typedOptions(values: OptionValues): OpenStackOptions {
  return values as ValuesOf<typeof ACCESS> & ValuesOf<typeof SERVER>;
}
