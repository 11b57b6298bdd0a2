import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { reasonOf, UsageError } from '../common/errors.ts';
import { nearest } from '../common/nearest.ts';
import { printable } from '../common/printable.ts';
import { DRIVER_API, type DriverModule } from './driver.ts';
import { DriverError } from './errors.ts';

type DriverFile = { readonly driver: DriverModule };

/** Every driver of our own; its code is loaded only when it is asked for. A new driver is one line here and one file. */
const DRIVERS: Readonly<Record<string, () => Promise<DriverFile>>> = {
  amazonec2: () => import('./amazonec2/amazonec2.ts'),
  azure: () => import('./azure/azure.ts'),
  digitalocean: () => import('./digitalocean/digitalocean.ts'),
  generic: () => import('./generic/generic.ts'),
  google: () => import('./google/google.ts'),
  hetzner: () => import('./hetzner/hetzner.ts'),
  linode: () => import('./linode/linode.ts'),
  local: () => import('./local/local.ts'),
  none: () => import('./none/none.ts'),
  openstack: () => import('./openstack/openstack.ts'),
  qemu: () => import('./qemu/qemu.ts'),
  scaleway: () => import('./scaleway/scaleway.ts'),
  virtualbox: () => import('./virtualbox/virtualbox.ts'),
  vultr: () => import('./vultr/vultr.ts'),
};

/** What people call drivers elsewhere. */
const ALIASES: Readonly<Record<string, string>> = {
  akamai: 'linode',
  amazon: 'amazonec2',
  aws: 'amazonec2',
  ec2: 'amazonec2',
  azurerm: 'azure',
  do: 'digitalocean',
  docean: 'digitalocean',
  gce: 'google',
  gcp: 'google',
  googlecompute: 'google',
  hcloud: 'hetzner',
  kvm: 'qemu',
  libvirt: 'qemu',
  microsoft: 'azure',
  ovh: 'openstack',
  ovhcloud: 'openstack',
  rackspace: 'openstack',
  scw: 'scaleway',
  ssh: 'generic',
  vbox: 'virtualbox',
};

/** Names of our own drivers, in order. */
export function driverNames(): readonly string[] {
  return Object.keys(DRIVERS).sort();
}

/**
 * The driver of that name: one of ours, else an installed npm package `enxame-driver-NAME`. Throws a UsageError with the nearest
 * name, a {@link DriverError} for a package that is no driver.
 */
export async function loadDriver(name: string): Promise<DriverModule> {
  const own = Object.hasOwn(DRIVERS, name) ? DRIVERS[name] : undefined;
  if (own !== undefined) return (await own()).driver;
  const file = /^[a-z0-9][a-z0-9-]*$/.test(name) ? await packageFile(`enxame-driver-${name}`) : undefined;
  if (file === undefined) throw unknownDriver(name);
  return await loadPackage(name, file);
}

async function loadPackage(name: string, file: string): Promise<DriverModule> {
  const found: Partial<DriverFile> = await import(pathToFileURL(file).href).catch((error: unknown) => {
    throw new DriverError(`the driver package ${file} cannot be loaded: ${reasonOf(error)}`, 'BAD_DRIVER', error);
  });
  if (typeof found.driver?.open !== 'function' || !Array.isArray(found.driver.options))
    throw new DriverError(`${file} is no driver: it exports no "driver"`, 'BAD_DRIVER');
  if (found.driver.api !== DRIVER_API) {
    const spoken = `it speaks version ${found.driver.api} of the driver interface, this enxame version ${DRIVER_API}`;
    throw new DriverError(`the driver ${name} does not fit: ${spoken}. Update the older one`, 'BAD_DRIVER');
  }
  return found.driver;
}

/** A driver that is here. */
export interface KnownDriver {
  readonly name: string;
  readonly driver?: DriverModule;
  /** Why it cannot be used. */
  readonly problem?: string;
}

/** Our own drivers by name, then those that installed packages bring. */
export async function knownDrivers(): Promise<readonly KnownDriver[]> {
  const found = await Promise.all(moduleFolders().map((folder) => readdir(folder).catch(() => [])));
  const prefix = 'enxame-driver-';
  const names = found.flat().filter((name) => name.startsWith(prefix));
  const others = [...new Set(names.map((name) => name.slice(prefix.length)))].filter((name) => !(name in DRIVERS));
  return await Promise.all(
    [...driverNames(), ...others.sort()].map(async (name): Promise<KnownDriver> => {
      try {
        return { name, driver: await loadDriver(name) };
      } catch (error) {
        return { name, problem: reasonOf(error) };
      }
    }),
  );
}

/** Main file of an installed package: beside this one, in the working folder or among npm's global ones. */
async function packageFile(name: string): Promise<string | undefined> {
  for (const folder of moduleFolders()) {
    const text = await readFile(join(folder, name, 'package.json'), 'utf8').catch(() => undefined);
    if (text !== undefined) return join(folder, name, mainOf(JSON.parse(text)));
  }
  return undefined;
}

function moduleFolders(): readonly string[] {
  const starts = [dirname(fileURLToPath(import.meta.url)), process.cwd()];
  const globals = join(dirname(process.execPath), '..', 'lib', 'node_modules');
  return [...starts.flatMap(parents).map((folder) => join(folder, 'node_modules')), globals];
}

function parents(folder: string): string[] {
  const above = dirname(folder);
  return above === folder ? [folder] : [folder, ...parents(above)];
}

/** The file `import` would take: `exports` (its `.`, its `import` or `default` condition), else `main`. */
function mainOf(manifest: { readonly exports?: unknown; readonly main?: string }): string {
  let target = manifest.exports;
  while (typeof target === 'object' && target !== null) {
    const conditions = target as Readonly<Record<string, unknown>>;
    target = conditions['.'] ?? conditions.import ?? conditions.node ?? conditions.default;
  }
  return typeof target === 'string' ? target : (manifest.main ?? 'index.js');
}

function unknownDriver(name: string): UsageError {
  const shown = printable(name);
  const near = nearestDriver(name);
  const guess = near === undefined ? `The drivers here are ${driverNames().join(', ')}.` : `Did you mean "${near}"?`;
  // Whether there is such a package, and whose it is, is not known here: it is not for us to propose it.
  const others = 'Others are npm packages called enxame-driver-NAME';
  return new UsageError(`Driver "${shown}" not found. ${guess} ${others}`, 'UNKNOWN_DRIVER');
}

/** The driver of ours that was probably meant: by another name of it, a near spelling, or a name within the name (`awsec2`). */
function nearestDriver(name: string): string | undefined {
  const lower = name.toLowerCase();
  const known = [...driverNames().map((each) => [each, each] as const), ...Object.entries(ALIASES)];
  const exact = known.find(([each]) => each === lower)?.[1] ?? nearest(lower, driverNames());
  const within = known
    .filter(([each]) => each.length >= MIN_WITHIN && lower.includes(each))
    .sort(([a], [b]) => b.length - a.length);
  const near = nearest(
    lower,
    Object.keys(ALIASES).filter((each) => each.length > MIN_WITHIN),
  );
  return exact ?? within[0]?.[1] ?? (near === undefined ? undefined : ALIASES[near]);
}

/** Letters a name needs to count where it is part of a longer one. */
const MIN_WITHIN = 3;
