import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { parse } from 'yaml';
import { reasonOf } from '../../common/errors.ts';
import { notOffered } from '../cloud/suggest.ts';
import { DriverError } from '../errors.ts';

type Env = Readonly<Record<string, string | undefined>>;
type Section = Readonly<Record<string, unknown>>;

/** One cloud of a clouds.yaml, as far as it is read: docs.openstack.org/openstacksdk, "Configuring OpenStack SDK Applications". */
export interface CloudSection {
  readonly auth?: Readonly<Record<string, string | undefined>>;
  readonly region_name?: string;
  readonly interface?: string;
  readonly endpoint_type?: string;
  readonly cacert?: string;
  readonly verify?: boolean;
}

/** Profiles that are known without a clouds-public.yaml. */
const PROFILES: Readonly<Record<string, Section>> = {
  ovh: { auth: { auth_url: 'https://auth.cloud.ovh.net/v3' } },
  'ovh-us': { auth: { auth_url: 'https://auth.cloud.ovh.us/v3' } },
};

/**
 * The cloud of that name, with its profile below it and what secure.yaml has above it; without a name the only one there is. Undefined
 * when there is no name and no file, or a file with several clouds.
 */
export async function readCloud(name: string | undefined, env: Env): Promise<CloudSection | undefined> {
  const clouds = await sections('clouds', places('clouds', env.OS_CLIENT_CONFIG_FILE, env));
  const names = Object.keys(clouds);
  const chosen = name ?? (names.length === 1 ? names[0] : undefined);
  if (chosen === undefined) return undefined;
  const cloud = clouds[chosen];
  if (cloud === undefined) throw notOffered({ provider: 'clouds.yaml', what: 'cloud', given: chosen, offered: names });
  const secure = (await sections('clouds', places('secure', env.OS_CLIENT_SECURE_FILE, env)))[chosen];
  const profile = await readProfile(cloud.profile ?? cloud.cloud, env);
  return merged(merged(profile, cloud), secure ?? {}) as CloudSection;
}

async function readProfile(name: unknown, env: Env): Promise<Section> {
  if (typeof name !== 'string') return {};
  const files = await sections('public-clouds', places('clouds-public', env.OS_CLIENT_VENDOR_FILE, env));
  const profile = files[name] ?? PROFILES[name];
  if (profile !== undefined) return profile;
  throw new DriverError(
    `clouds.yaml names the profile ${name}, which is neither in clouds-public.yaml nor one of ${Object.keys(PROFILES).join(', ')}. Write its auth_url into clouds.yaml`,
    'BAD_OPTIONS',
  );
}

/** Where a file may be, in the order of OpenStack's own clients: named, working folder, the person's, the system's. */
function places(name: string, named: string | undefined, env: Env): readonly string[] {
  const own = env.XDG_CONFIG_HOME || join(env.HOME || homedir(), '.config');
  const folders = [process.cwd(), join(own, 'openstack'), '/etc/openstack'];
  const beside = env.OS_CLIENT_CONFIG_FILE === undefined ? [] : [dirname(env.OS_CLIENT_CONFIG_FILE)];
  const found = [...(name === 'clouds' ? [] : beside), ...folders].flatMap((folder) =>
    ['yaml', 'yml', 'json'].map((type) => join(folder, `${name}.${type}`)),
  );
  return named === undefined ? found : [named, ...found];
}

/** The sections of the first of `files` that is there. */
async function sections(key: string, files: readonly string[]): Promise<Readonly<Record<string, Section>>> {
  for (const file of files) {
    const text = await readFile(file, 'utf8').catch(() => undefined);
    if (text === undefined) continue;
    try {
      // JSON is YAML, too.
      const content = parse(text) as Readonly<Record<string, Readonly<Record<string, Section>>>> | null;
      return content?.[key] ?? {};
    } catch (error) {
      throw new DriverError(`${file} cannot be read: ${reasonOf(error).split('\n')[0]}`, 'BAD_OPTIONS', error);
    }
  }
  return {};
}

function merged(below: Section, above: Section): Section {
  const both = { ...below, ...above };
  const isSection = (value: unknown): value is Section => typeof value === 'object' && value !== null;
  for (const [key, value] of Object.entries(above)) {
    const other = below[key];
    if (isSection(value) && isSection(other) && !Array.isArray(value)) both[key] = { ...other, ...value };
  }
  return both;
}
