import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { type Env, findProgram, isUsable, libraryNeed, met, type Need, unmet } from '../needs.ts';

/** npm packages that are loaded on first use. */
export const PACKAGES: readonly string[] = [
  '@azure/arm-compute',
  '@azure/arm-network',
  '@azure/arm-resources',
  '@azure/identity',
];

/** Libraries, subscription and credentials, but for a managed identity, which is only asked for. */
export async function azureNeeds(env: Env): Promise<readonly Need[]> {
  const variable = 'AZURE_SUBSCRIPTION_ID';
  const subscription = env[variable] ? met('subscription', variable) : unmet('subscription', `set ${variable}`);
  return [libraryNeed(PACKAGES), await credentials(env), subscription];
}

async function credentials(env: Env): Promise<Need> {
  const what = 'credentials';
  const keys = ['AZURE_CLIENT_SECRET', 'AZURE_CLIENT_CERTIFICATE_PATH', 'AZURE_FEDERATED_TOKEN_FILE'];
  const key = env.AZURE_TENANT_ID && env.AZURE_CLIENT_ID ? keys.find((name) => env[name]) : undefined;
  if (key !== undefined) return met(what, key);
  const home = env.HOME || homedir();
  const profile = await readFile(join(env.AZURE_CONFIG_DIR || join(home, '.azure'), 'azureProfile.json'), 'utf8').catch(
    () => '',
  );
  // Empty after a logout: {"subscriptions": []}
  if (/"subscriptions"\s*:\s*\[\s*\{/.test(profile) && (await findProgram('az', env)) !== undefined)
    return met(what, "az's");
  if (await isUsable(join(env.AZD_CONFIG_DIR || join(home, '.azd'), 'auth.json'))) return met(what, "azd's");
  return unmet(
    what,
    'set AZURE_CLIENT_SECRET and its like or run az login, unless this computer has a managed identity',
  );
}
