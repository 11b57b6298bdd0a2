import { homedir } from 'node:os';
import { join } from 'node:path';
import { expandHome } from '../cloud/key-files.ts';
import { type Env, isUsable, libraryNeed, met, type Need, unmet } from '../needs.ts';

/** npm packages that are loaded on first use. */
export const PACKAGES: readonly string[] = ['google-auth-library'];

/** Library and credentials, but for an instance's own account, which is only asked for. */
export async function googleNeeds(env: Env): Promise<readonly Need[]> {
  return [libraryNeed(PACKAGES), await credentials(env)];
}

async function credentials(env: Env): Promise<Need> {
  const what = 'credentials';
  const variable = 'GOOGLE_APPLICATION_CREDENTIALS';
  const given = env[variable];
  if (given) {
    const isThere = await isUsable(expandHome(given));
    return isThere ? met(what, variable) : unmet(what, `the file that ${variable} names cannot be read`);
  }
  const folder = process.platform === 'win32' ? join(env.APPDATA ?? '', 'gcloud') : gcloudFolder(env);
  if (await isUsable(join(folder, 'application_default_credentials.json'))) return met(what, "gcloud's");
  return unmet(
    what,
    `run gcloud auth application-default login or set ${variable}, unless this computer is an instance`,
  );
}

function gcloudFolder(env: Env): string {
  return env.CLOUDSDK_CONFIG || join(env.HOME || homedir(), '.config', 'gcloud');
}
