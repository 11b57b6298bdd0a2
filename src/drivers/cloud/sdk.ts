import { DriverError } from '../errors.ts';

/**
 * A provider's library, loaded on first use: it is an optional part of the installation. `packages` are the npm packages to
 * install; a missing one becomes a {@link DriverError} with code `SDK_MISSING` that names them.
 */
export async function loadSdk<T>(driver: string, packages: readonly string[], load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    const install = `npm install ${packages.join(' ')} (with -g if enxame is installed globally)`;
    throw new DriverError(`the driver ${driver} needs its provider's library: ${install}`, 'SDK_MISSING', error);
  }
}
