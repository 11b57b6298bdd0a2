import { UsageError } from '../../common/errors.ts';
import { loadDriver } from '../../drivers/drivers.ts';
import { resolveOptions } from '../../drivers/option-values.ts';
import type { DriverOption } from '../../drivers/options.ts';
import type { CreateRequest } from '../create.ts';
import type { FleetFile } from './file.ts';

/**
 * Looks at the drivers and their options before anything is planned. Throws a UsageError that begins with the place in the file. What
 * a driver must have is only asked for of machines that are still to be made (`isThere` says which are not).
 */
export async function checkDrivers(
  fleet: FleetFile,
  isThere: (name: string) => boolean,
  env: Readonly<Record<string, string | undefined>>,
): Promise<void> {
  for (const request of fleet.machines) {
    const { name } = request;
    const driver = await loadDriver(request.driver).catch((error: unknown) => {
      throw error instanceof UsageError ? fleet.problem(name, ['driver'], error.message) : error;
    });
    for (const flag of Object.keys(request.options)) checkOne(fleet, request, flag, driver.options, env);
    if (isThere(name)) continue;
    resolve(() => resolveOptions(driver.name, driver.options, request.options, env), fleet, name, []);
  }
}

function checkOne(
  fleet: FleetFile,
  { name, driver, options }: CreateRequest,
  flag: string,
  known: readonly DriverOption[],
  env: Readonly<Record<string, string | undefined>>,
): void {
  const only = known.filter((option) => option.flag === flag);
  resolve(() => resolveOptions(driver, only, { [flag]: options[flag] }, env), fleet, name, ['options', flag]);
}

function resolve(work: () => unknown, fleet: FleetFile, name: string, keys: readonly string[]): void {
  try {
    work();
  } catch (error) {
    throw error instanceof UsageError ? fleet.problem(name, keys, error.message) : error;
  }
}
