import { reasonOf } from '../../common/errors.ts';
import type { DriverError } from '../errors.ts';
import { type Env, met, type Need, unmet, variableOf } from '../needs.ts';
import { resolveOptions } from '../option-values.ts';
import { options, typedOptions } from './options.ts';
import { readSettings } from './settings.ts';

/** Whether environment and clouds.yaml say who asks, and where. */
export async function accessNeed(env: Env): Promise<Need> {
  try {
    await readSettings({ options: typedOptions(resolveOptions('openstack', options, {}, env)), env });
  } catch (error) {
    const { code } = error as DriverError;
    const isNothing = code === 'BAD_CREDENTIALS' && !env.OS_CLOUD && !env.OS_AUTH_URL;
    if (isNothing) return unmet('credentials', 'set OS_CLOUD, or source an openrc.sh');
    return unmet('credentials', reasonOf(error));
  }
  return met(
    'credentials',
    variableOf(options, 'openstack-cloud', env) ?? variableOf(options, 'openstack-auth-url', env) ?? 'clouds.yaml',
  );
}
