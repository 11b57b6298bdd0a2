import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { type Env, libraryNeed, met, type Need, unmet } from '../needs.ts';

/** npm packages that are loaded on first use. */
export const PACKAGES: readonly string[] = ['@aws-sdk/client-ec2'];

/** Keys of a profile's section with which the SDK signs in. */
const SIGNS_IN = /^\s*(aws_access_key_id|sso_session|sso_start_url|role_arn|credential_process|login_session)\s*=/m;

/** Library and credentials, in the order in which the SDK looks for them, but for the instance's own role, which is only asked for. */
export async function ec2Needs(env: Env): Promise<readonly Need[]> {
  return [libraryNeed(PACKAGES), await credentials(env)];
}

async function credentials(env: Env): Promise<Need> {
  const what = 'credentials';
  const [id, secret] = ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'];
  if (env[id] && env[secret]) return met(what, id);
  if (env[id] || env[secret]) return unmet(what, `${env[id] ? secret : id} is missing`);
  const profile = env.AWS_PROFILE || 'default';
  if (await hasProfile(env, profile)) return met(what, `profile ${profile}`);
  const others = [
    'AWS_WEB_IDENTITY_TOKEN_FILE',
    'AWS_CONTAINER_CREDENTIALS_RELATIVE_URI',
    'AWS_CONTAINER_CREDENTIALS_FULL_URI',
  ];
  const variable = others.find((name) => env[name]);
  if (variable !== undefined) return met(what, variable);
  return unmet(what, `set ${id} or run aws configure, unless this computer is an instance with a role`);
}

async function hasProfile(env: Env, profile: string): Promise<boolean> {
  const folder = join(env.HOME || homedir(), '.aws');
  const files = [
    env.AWS_SHARED_CREDENTIALS_FILE || join(folder, 'credentials'),
    env.AWS_CONFIG_FILE || join(folder, 'config'),
  ];
  const texts = await Promise.all(files.map((file) => readFile(file, 'utf8').catch(() => '')));
  const sections = texts.flatMap((text) => text.split(/^\s*\[/m).slice(1));
  return sections.some((section) => {
    const name = section
      .slice(0, section.indexOf(']'))
      .trim()
      .replace(/^profile\s+/, '');
    return name === profile && SIGNS_IN.test(section);
  });
}
