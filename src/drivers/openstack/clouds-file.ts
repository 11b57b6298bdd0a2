import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseSettings, settingsText } from '../cloud/config-file.ts';
import { notOffered } from '../cloud/suggest.ts';
import { DriverError } from '../errors.ts';

type Env = Readonly<Record<string, string | undefined>>;
type Section = Readonly<Record<string, unknown>>;

/** One cloud of a clouds.yaml, as far as it is read: docs.openstack.org/openstacksdk, "Configuring OpenStack SDK Applications". */
export interface CloudSection {
  readonly auth?: Readonly<Record<string, string | undefined>>;
  readonly auth_type?: string;
  readonly region_name?: string;
  readonly interface?: string;
  readonly endpoint_type?: string;
  readonly cacert?: string;
  readonly verify?: boolean;
}

/** Profiles that are known without a clouds-public.yaml. */
const PROFILES: ReadonlyMap<string, Section> = new Map([
  ['ovh', { auth: { auth_url: 'https://auth.cloud.ovh.net/v3' } }],
  ['ovh-us', { auth: { auth_url: 'https://auth.cloud.ovh.us/v3' } }],
]);

/**
 * The cloud of that name, with its profile below it and what secure.yaml has above it; without a name the only one there is. Undefined
 * when there is no name and no file, or a file with several clouds.
 */
export async function readCloud(name: string | undefined, env: Env): Promise<CloudSection | undefined> {
  const files = places('clouds', env.OS_CLIENT_CONFIG_FILE, env);
  const found = await sections('clouds', files);
  const names = [...(found?.sections.keys() ?? [])];
  const chosen = name ?? (names.length === 1 ? names[0] : undefined);
  if (chosen === undefined) return undefined;
  if (found === undefined)
    throw new DriverError(`there is no file with the cloud ${chosen}: write one, such as ${files[0]}`, 'BAD_OPTIONS');
  const cloud = found.sections.get(chosen);
  if (cloud === undefined) throw notOffered({ provider: found.file, what: 'cloud', given: chosen, offered: names });
  const secure = (await sections('clouds', places('secure', env.OS_CLIENT_SECURE_FILE, env)))?.sections.get(chosen);
  const profile = await readProfile(cloud.profile ?? cloud.cloud, env);
  return merged(merged(profile, cloud), secure ?? {}) as CloudSection;
}

async function readProfile(name: unknown, env: Env): Promise<Section> {
  if (typeof name !== 'string') return {};
  const files = await sections('public-clouds', places('clouds-public', env.OS_CLIENT_VENDOR_FILE, env));
  const profile = files?.sections.get(name) ?? PROFILES.get(name);
  if (profile !== undefined) return profile;
  throw new DriverError(
    `clouds.yaml names the profile ${name}, which is neither in clouds-public.yaml nor one of ${[...PROFILES.keys()].join(', ')}. Write its auth_url into clouds.yaml`,
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

/** What a file says of each cloud. */
interface CloudsFile {
  readonly file: string;
  readonly sections: ReadonlyMap<string, Section>;
}

/** The first of `files` that is there; undefined when none is. */
async function sections(key: string, files: readonly string[]): Promise<CloudsFile | undefined> {
  for (const file of files) {
    const text = await settingsText(file);
    if (text === undefined) continue;
    // JSON is YAML, too.
    const content = parseSettings(file, text);
    const all = Object.entries(sectionOf(file, key, sectionOf(file, 'the file', content)[key]));
    return { file, sections: new Map(all.map(([name, value]) => [name, cloudOf(file, name, value)])) };
  }
  return undefined;
}

function cloudOf(file: string, name: string, value: unknown): Section {
  const cloud = sectionOf(file, name, value);
  for (const key of TEXTS) assertText(file, `${key} of ${name}`, cloud[key]);
  const auth = said(sectionOf(file, `auth of ${name}`, cloud.auth));
  for (const [key, value] of Object.entries(auth)) assertText(file, `${key} of ${name}`, value);
  return { ...said(cloud), auth };
}

/** What is read of a cloud beside its `auth` and must be a text. */
const TEXTS = ['auth_type', 'region_name', 'interface', 'endpoint_type', 'cacert'] as const;

function assertText(file: string, what: string, value: unknown): void {
  if (value === undefined || value === null || typeof value === 'string') return;
  throw new DriverError(`${file} cannot be read: ${what} is no text; quotes make text of any value`, 'BAD_OPTIONS');
}

/** A section that says nothing is null in YAML. */
function sectionOf(file: string, what: string, value: unknown): Section {
  if (value === null || value === undefined) return {};
  if (isSection(value)) return value;
  throw new DriverError(`${file} cannot be read: ${what} is no section of names and values`, 'BAD_OPTIONS');
}

/** Without what says nothing. */
function said(section: Section): Section {
  return Object.fromEntries(Object.entries(section).filter(([, value]) => value !== null));
}

function isSection(value: unknown): value is Section {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function merged(below: Section, above: Section): Section {
  const both = { ...below, ...above };
  for (const [key, value] of Object.entries(above)) {
    const other = below[key];
    if (isSection(value) && isSection(other)) both[key] = { ...other, ...value };
  }
  return both;
}
